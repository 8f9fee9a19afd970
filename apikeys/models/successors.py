"""Rotates a key: creates a successor that may do the same."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from apikeys.core.rates import lowest
from apikeys.models.changes import KeyEnded
from apikeys.models.choices import LONGEST_LIFETIME
from apikeys.models.delegation import refuse_escalation
from apikeys.models.events import COMMAND_LINE, KeyEvent, Origin
from apikeys.models.rotations import GRACE_AFTER_FIRST_USE, LONGEST_WAIT_FOR_FIRST_USE, Rotation

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from apikeys.models.keys import APIKey


class AlreadyRotated(Exception):
    """The key already has a ``successor``."""

    def __init__(self, successor: APIKey) -> None:
        super().__init__(successor.key_id)
        self.successor = successor


def rotate(
    key: APIKey,
    *,
    by: User | None,
    now: datetime,
    overlap: timedelta | None,
    form_token: str | None = None,
    origin: Origin = COMMAND_LINE,
) -> tuple[APIKey, str]:
    """Create the successor of ``key``, which keeps working for at most ``overlap``.

    ``None`` keeps the old key working until a day after the successor's first use; zero revokes it at
    once. The successor has the same name, permissions, addresses and lifetime, but never outlives a
    key that asks for it. Raises ``AlreadyIssued``, ``AlreadyRotated``, ``KeyEnded``, and
    ``Escalation`` if the calling key asks for more than it has.
    """
    keys = type(key).objects
    keys.refuse_used_token(key.owner, form_token)
    successor, raw = keys.draft(owner=key.owner, by=by, form_token=form_token, now=now, origin=origin)
    with transaction.atomic():
        old, caller = keys.locked(key, origin.key)
        if old is None:
            raise type(key).DoesNotExist
        keys.refuse_used_token(key.owner, form_token)
        old.refuse_rotation(now)
        _take_over(successor, old, latest_expiry=caller.expires_at if caller else None)
        if caller is not None:
            successor.rate_limit = lowest(old.rate_limit, caller.rate_limit)
        if origin.key is not None:
            refuse_escalation(caller, successor, now=now)
        successor.insert(by=by, now=now, origin=origin)
        _hand_over(old, successor, by=by, now=now, overlap=overlap, origin=origin)
    return successor, raw


def refuse_rotation(key: APIKey, now: datetime) -> None:
    """Raise ``AlreadyRotated`` or ``KeyEnded`` if ``key`` cannot be rotated at ``now``."""
    if key.successor is not None:
        raise AlreadyRotated(key.successor)
    if key.is_ended(now):
        raise KeyEnded


def _take_over(successor: APIKey, old: APIKey, *, latest_expiry: datetime | None) -> None:
    """Copy what ``old`` may do to the unsaved ``successor``, and restart its lifetime."""
    successor.name = old.name
    successor.permissions = old.permissions
    successor.allowed_networks = old.allowed_networks
    successor.rate_limit = old.rate_limit
    lifetime_ends = None
    if old.expires_at is not None:
        lifetime = min(old.expires_at - old.created_at, LONGEST_LIFETIME)
        lifetime_ends = successor.created_at + lifetime
    successor.expires_at = earliest(lifetime_ends, latest_expiry)


def _hand_over(
    old: APIKey,
    successor: APIKey,
    *,
    by: User | None,
    now: datetime,
    overlap: timedelta | None,
    origin: Origin,
) -> None:
    """Keep ``old`` working for ``overlap``, never past its own expiry."""
    wait = LONGEST_WAIT_FOR_FIRST_USE if overlap is None else overlap
    type(old).objects.filter(pk=old.pk).update(expires_at=earliest(old.expires_at, now + wait))
    Rotation.objects.create(
        old=old,
        new=successor,
        started_at=now,
        old_expires_at=old.expires_at,
        grace=GRACE_AFTER_FIRST_USE if overlap is None else None,
    )
    rotated = old.record(KeyEvent.Action.ROTATED, by=by, now=now, origin=origin, detail=successor.masked)
    if overlap is not None and not overlap:
        old.revoke(by=by, now=now, origin=origin, cause=rotated)


def earliest(*moments: datetime | None) -> datetime | None:
    """Return the earliest of ``moments``; ``None`` means never."""
    return min((moment for moment in moments if moment is not None), default=None)
