"""The append-only record of what happened to each key."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from django.conf import settings
from django.db import models
from django.dispatch import Signal

from apikeys.core import keyformat

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from apikeys.models.keys import APIKey

DETAIL_LENGTH = 500

event_recorded = Signal()
"""Sent inside the transaction that records ``event``, with the event that was its ``cause``, if any."""


class Origin(NamedTuple):
    """Where a change came from: the client's address, and the key that asked, if a key did."""

    ip: str = ""
    key: APIKey | None = None


COMMAND_LINE = Origin()


class EventQuerySet(models.QuerySet["KeyEvent"]):
    def update(self, **values: Any) -> NoReturn:
        raise TypeError("events are append-only")

    def delete(self) -> NoReturn:
        raise TypeError("events are append-only")


class KeyEvent(models.Model):
    """Who did what to a key, when and from which address. Events can't be changed or deleted.

    The exception is the deletion of their key: by housekeeping, long after the key ended, or with its
    owner's account, of which nothing may remain. ``actor_name`` outlives the actor's account.

    ``changes`` is ``{field: [from, to]}``, with values as the API shows them.
    """

    class Action(models.TextChoices):
        CREATED = "created"
        CHANGED = "changed"
        ROTATED = "rotated"
        ROTATION_FINISHED = "rotation_finished", "Rotation finished"
        ROTATION_CANCELLED = "rotation_cancelled", "Rotation cancelled"
        REPORTED = "reported", "Reported as leaked"
        REVOKED = "revoked"

    class Actor(models.TextChoices):
        USER = "user", "The owner"
        OPERATOR = "operator", "An operator"
        KEY = "key", "An API key"
        NOBODY = "nobody", "Somebody who isn't signed in"

    key = models.ForeignKey("apikeys.APIKey", models.CASCADE, related_name="events")
    at = models.DateTimeField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    actor_kind = models.CharField(max_length=10, choices=Actor, default=Actor.USER, db_default=Actor.USER)
    actor_name = models.CharField(max_length=150, blank=True, default="", db_default="")
    actor_key_id = models.CharField(max_length=keyformat.ID_LENGTH, blank=True, default="", db_default="")
    ip = models.CharField("IP address", max_length=45, blank=True, default="", db_default="")
    action = models.CharField(max_length=20, choices=Action)
    changes = models.JSONField(default=dict, db_default={}, blank=True)
    detail = models.CharField(max_length=DETAIL_LENGTH, blank=True, default="")

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ("-at", "-id")

    def __str__(self) -> str:
        return f"{self.get_action_display()} (event {self.pk})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store a new event; raise ``TypeError`` for one that is already stored."""
        if not self._state.adding:
            raise TypeError("events are append-only")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("events are append-only")


def record(
    key: APIKey,
    action: KeyEvent.Action,
    *,
    by: User | None,
    now: datetime,
    origin: Origin = COMMAND_LINE,
    cause: KeyEvent | None = None,
    **facts: Any,
) -> KeyEvent:
    """Record an event of ``key``, with ``changes`` or ``detail``, and send ``event_recorded``.

    ``cause`` is the event that this one is a part of: a rotation or report that also revokes the key.
    """
    event = KeyEvent.objects.create(
        key=key,
        at=now,
        actor=by,
        actor_kind=facts.pop("actor_kind", None) or actor_kind(key.owner, by, origin),
        actor_name=by.get_username() if by else "",
        actor_key_id=origin.key.key_id if origin.key else "",
        ip=origin.ip,
        action=action,
        **facts,
    )
    event_recorded.send(KeyEvent, event=event, cause=cause)
    return event


def actor_kind(owner: User, by: User | None, origin: Origin) -> KeyEvent.Actor:
    """Return the kind of actor: the key's ``owner``, another user or a command, or a key."""
    if origin.key is not None:
        return KeyEvent.Actor.KEY
    return KeyEvent.Actor.USER if by is not None and by.pk == owner.pk else KeyEvent.Actor.OPERATOR
