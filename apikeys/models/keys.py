"""The key at rest and its verbs: issue, change, rotate, revoke."""

from __future__ import annotations

from copy import copy
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import IntegrityError, models, transaction

from apikeys import hasher
from apikeys.core import keyformat, names
from apikeys.core.rates import lowest
from apikeys.models.choices import EXPIRES_SOON, KeyState, Permission
from apikeys.models.delegation import Grant, refuse_escalation
from apikeys.models.events import COMMAND_LINE, KeyEvent, Origin, event_recorded
from apikeys.models.rotations import GRACE_AFTER_FIRST_USE, LONGEST_WAIT_FOR_FIRST_USE, Rotation
from apikeys.models.usage import USER_AGENT_LENGTH

if TYPE_CHECKING:
    from django.contrib.auth.models import User

KEYS_PER_STATEMENT = 500
"""SQLite takes some ten thousand parameters a statement at most."""

CHANGEABLE = ("name", "permissions", "allowed_networks", "expires_at", "rate_limit")


class KeyEnded(Exception):
    """The key is revoked or expired, and nothing about it can change any more."""


class AlreadyIssued(Exception):
    """This form or request has created its key already; ``key`` is that key."""

    def __init__(self, key: APIKey) -> None:
        super().__init__(key.key_id)
        self.key = key


class AlreadyRotated(Exception):
    """The key has a successor already, which is ``successor``."""

    def __init__(self, successor: APIKey) -> None:
        super().__init__(successor.key_id)
        self.successor = successor


def _live(now: datetime) -> models.Q:
    return models.Q(models.Q(expires_at=None) | models.Q(expires_at__gt=now), revoked_at=None)


class APIKeyQuerySet(models.QuerySet["APIKey"]):
    def owned_by(self, user: User) -> Self:
        return self.filter(owner=user)

    def with_rotations(self) -> Self:
        """Fetch ``predecessor`` and ``successor`` with the keys."""
        return self.select_related("rotation__new", "origin_rotation__old")

    def live(self, now: datetime) -> Self:
        """Keys that are neither revoked nor expired at ``now``."""
        return self.filter(_live(now))

    def live_first(self, now: datetime) -> Self:
        """Order live keys before ended ones, then the newest first; a rotating key follows its successor."""
        ended = models.Case(models.When(_live(now), then=0), default=1)
        placed_at = models.Case(
            models.When(_live(now) & ~models.Q(rotation=None), then="rotation__new__created_at"),
            default="created_at",
        )
        return self.order_by(ended, placed_at.desc(), "-created_at", "-id")

    def in_state(self, state: KeyState, now: datetime) -> Self:
        """Keys whose ``state(now)`` is ``state``."""
        soon = models.Q(expires_at__lte=now + EXPIRES_SOON)
        match state:
            case KeyState.REVOKED:
                return self.exclude(revoked_at=None)
            case KeyState.EXPIRED:
                return self.filter(revoked_at=None, expires_at__lte=now)
            case KeyState.EXPIRING:
                return self.filter(soon, _live(now))
            case KeyState.ACTIVE:
                return self.filter(_live(now)).exclude(soon)

    def matching(self, text: str) -> Self:
        """Keys with ``text`` in their name, or whose id it is, bare or masked as lists show it."""
        return self.filter(models.Q(name__icontains=text) | models.Q(key_id=keyformat.bare_id(text)))

    def with_made(self) -> list[APIKey]:
        """Return these keys and all that they made: through the API, by rotation, and so on down."""
        found = {key.pk: key for key in self}
        newest = list(found)
        while newest:
            made = APIKey.objects.filter(
                models.Q(created_by_key__in=newest) | models.Q(origin_rotation__old__in=newest)
            )
            generation = {key.pk: key for key in made if key.pk not in found}
            found |= generation
            newest = list(generation)
        return list(found.values())

    def locked(self, key: APIKey | None, caller: APIKey | None) -> tuple[APIKey | None, APIKey | None]:
        """Return both as they are now, locked; ``None`` for one that is gone.

        They are locked in one order, so that two keys that change each other don't deadlock. A key
        that asks about itself comes as two objects: what changes in one must not widen the other.
        """
        wanted = {one.pk for one in (key, caller) if one is not None}
        rows = {row.pk: row for row in self.select_for_update().filter(pk__in=wanted).order_by("pk")}
        return (key and rows.get(key.pk), caller and copy(rows.get(caller.pk)))

    def revoke(
        self, *, by: User | None, now: datetime, origin: Origin = COMMAND_LINE, reason: str = ""
    ) -> int:
        """Stop all of these keys for good, or none; return how many were not revoked before."""
        with transaction.atomic():
            unrevoked = self.filter(revoked_at=None).select_related(None)
            keys = list(unrevoked.order_by("pk").select_for_update())  # in the order of ``locked``
            for start in range(0, len(keys), KEYS_PER_STATEMENT):
                batch = keys[start : start + KEYS_PER_STATEMENT]
                APIKey.objects.filter(pk__in=[key.pk for key in batch]).update(revoked_at=now, revoked_by=by)
                for key in batch:
                    key.record(KeyEvent.Action.REVOKED, by=by, now=now, origin=origin, detail=reason)
        return len(keys)

    def issue(
        self,
        *,
        owner: User,
        by: User | None,
        name: str,
        permissions: Permission,
        now: datetime,
        allowed_networks: str = "",
        expires_at: datetime | None = None,
        form_token: str | None = None,
        origin: Origin = COMMAND_LINE,
    ) -> tuple[APIKey, str]:
        """Create a key and return it with its plaintext, which exists nowhere else from then on.

        Raises ``AlreadyIssued`` when the owner's ``form_token`` has created a key before, and
        ``Escalation`` when a key asks for more than it has. An operator's limit for that key is
        the new key's, too.
        """
        self.refuse_used_token(owner, form_token)
        key, raw = self.draft(owner=owner, by=by, form_token=form_token, now=now, origin=origin)
        key.name = name
        key.permissions = permissions
        key.allowed_networks = allowed_networks
        key.expires_at = expires_at
        try:
            with transaction.atomic():
                if origin.key is not None:
                    _, caller = self.locked(None, origin.key)
                    self.refuse_used_token(owner, form_token)
                    refuse_escalation(caller, key, now=now)
                    key.rate_limit = caller.rate_limit if caller else ""
                key.insert(by=by, now=now, origin=origin)
        except IntegrityError:
            self.refuse_used_token(owner, form_token)
            raise
        return key, raw

    def draft(
        self,
        *,
        owner: User,
        by: User | None,
        form_token: str | None,
        now: datetime,
        origin: Origin = COMMAND_LINE,
    ) -> tuple[APIKey, str]:
        """Return an unsaved key with its plaintext. Argon2 runs here, so outside transactions."""
        parts = keyformat.generate()
        raw = str(parts)
        key = self.model(
            key_id=parts.key_id,
            checksum=parts.checksum,
            key_hash=hasher.HASHER.hash(raw),
            owner=owner,
            created_by=by,
            created_by_key=origin.key,
            created_by_kind=actor_kind(owner, by, origin),
            created_at=now,
            form_token=form_token,
        )
        return key, raw

    def refuse_used_token(self, owner: User, form_token: str | None) -> None:
        """Raise ``AlreadyIssued`` if the owner's ``form_token`` has created a key before."""
        if form_token is not None:
            key = self.filter(owner=owner, form_token=form_token).first()
            if key is not None:
                raise AlreadyIssued(key)


class APIKey(models.Model):
    """A key at rest. Change it through its verbs: each is one guarded UPDATE and one event."""

    key_id = models.CharField("ID", max_length=keyformat.ID_LENGTH, editable=False)
    checksum = models.CharField(max_length=keyformat.CHECKSUM_LENGTH, editable=False)
    key_hash = models.CharField(max_length=255, editable=False, db_column="encoding")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=names.MAX_LENGTH)
    permissions = models.PositiveSmallIntegerField()
    allowed_networks = models.TextField("allowed IP addresses", blank=True)
    rate_limit = models.CharField(
        "own rate limit",
        max_length=30,
        blank=True,
        default="",
        db_default="",
        help_text="Such as 5/minute; empty for the limit of every key.",
    )
    created_at = models.DateTimeField(editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="+"
    )
    created_by_key = models.ForeignKey(
        "self", models.SET_NULL, null=True, editable=False, related_name="made"
    )
    created_by_kind = models.CharField(
        max_length=10,
        choices=KeyEvent.Actor,
        default=KeyEvent.Actor.USER,
        db_default=KeyEvent.Actor.USER,
        editable=False,
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, editable=False)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="+"
    )
    form_token = models.CharField(max_length=64, null=True, editable=False)  # noqa: DJ001  # null: made without a form, and not unique
    last_used_at = models.DateTimeField(null=True, editable=False)
    last_used_ip = models.CharField(max_length=45, editable=False, default="", db_column="last_used_address")
    last_used_user_agent = models.CharField(max_length=USER_AGENT_LENGTH, editable=False, default="")
    last_used_method = models.CharField(max_length=10, editable=False, default="")
    last_used_route = models.CharField(max_length=200, editable=False, default="")
    read_needed_at = models.DateTimeField(null=True, editable=False)
    write_needed_at = models.DateTimeField(null=True, editable=False)
    admin_needed_at = models.DateTimeField(null=True, editable=False)

    objects = APIKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        ordering = ("-created_at", "-id")
        constraints = (
            # A constraint, not unique=True: that adds a second, LIKE index on PostgreSQL.
            models.UniqueConstraint(fields=["key_id"], name="apikey_id_unique"),
            models.UniqueConstraint(fields=["owner", "form_token"], name="apikey_form_token_used_once"),
            models.CheckConstraint(
                condition=models.Q(permissions__gte=1, permissions__lte=7), name="apikey_has_a_permission"
            ),
        )
        indexes = (models.Index(fields=["owner", "-created_at", "-id"], name="apikey_owner_newest"),)

    def __str__(self) -> str:
        return f"{self.name} ({self.masked})"

    @property
    def masked(self) -> str:
        return keyformat.masked(self.key_id)

    @property
    def granted(self) -> Permission:
        return Permission(self.permissions)

    @property
    def networks(self) -> list[str]:
        return self.allowed_networks.split("\n") if self.allowed_networks else []

    @property
    def successor(self) -> APIKey | None:
        """Return the key that replaces this one; see ``with_rotations``."""
        return self.rotation.new if hasattr(self, "rotation") else None

    @property
    def predecessor(self) -> APIKey | None:
        """Return the key that this one replaces; see ``with_rotations``."""
        return self.origin_rotation.old if hasattr(self, "origin_rotation") else None

    def is_live(self, now: datetime) -> bool:
        return self.state(now) in {KeyState.ACTIVE, KeyState.EXPIRING}

    def is_ended(self, now: datetime) -> bool:
        return not self.is_live(now)

    def state(self, now: datetime) -> KeyState:
        if self.revoked_at is not None:
            return KeyState.REVOKED
        if self.expires_at is None:
            return KeyState.ACTIVE
        if self.expires_at <= now:
            return KeyState.EXPIRED
        return KeyState.EXPIRING if self.expires_at - now <= EXPIRES_SOON else KeyState.ACTIVE

    def needed_at(self, permission: Permission) -> datetime | None:
        """Return when a call last needed ``permission``, which is one of the three."""
        at: datetime | None = getattr(self, f"{permission.names[0]}_needed_at")
        return at

    def revoke(
        self,
        *,
        by: User | None,
        now: datetime,
        origin: Origin = COMMAND_LINE,
        reason: str = "",
        actor_kind: KeyEvent.Actor | None = None,
    ) -> bool:
        """Stop the key for good; return whether it was this call that did."""
        with transaction.atomic():
            updated = APIKey.objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=now, revoked_by=by)
            if updated:
                facts = {"detail": reason, "actor_kind": actor_kind}
                self.record(KeyEvent.Action.REVOKED, by=by, now=now, origin=origin, **facts)
        self.refresh_from_db(fields=["revoked_at", "revoked_by"])
        return bool(updated)

    def revoke_with_made(self, *, by: User | None, now: datetime, origin: Origin = COMMAND_LINE) -> int:
        """Stop this key and all that it made; return how many were not revoked before.

        Once a key is revoked it makes no more, so what it made while this waited for it is found
        by looking again.
        """
        stopped, found = 0, {self.pk}
        with transaction.atomic():
            while True:
                stopped += APIKey.objects.filter(pk__in=found).revoke(by=by, now=now, origin=origin)
                made = {key.pk for key in APIKey.objects.filter(pk__in=found).with_made()}
                if made <= found:
                    return stopped
                found |= made

    def change(
        self, *, by: User | None, now: datetime, origin: Origin = COMMAND_LINE, **values: Any
    ) -> list[str]:
        """Set some of ``CHANGEABLE``; return the names of what changed.

        Raises ``KeyEnded``, and ``Escalation`` when a key asks for more than it has.
        """
        unknown = values.keys() - set(CHANGEABLE)
        if unknown:
            raise TypeError(f"a key's {', '.join(sorted(unknown))} cannot be changed")
        with transaction.atomic():
            current, caller = APIKey.objects.locked(self, origin.key)
            if current is None:
                raise APIKey.DoesNotExist
            if current.is_ended(now):
                raise KeyEnded
            before = Grant.of(current)
            changed = {field: value for field, value in values.items() if getattr(current, field) != value}
            if changed:
                changes = {field: [shown(current, field), None] for field in changed}
                for field, value in changed.items():
                    setattr(current, field, value)
                    changes[field][1] = shown(current, field)
                if origin.key is not None:
                    refuse_escalation(caller, current, now=now, before=before)
                APIKey.objects.filter(pk=self.pk).update(**changed)
                current.record(KeyEvent.Action.CHANGED, by=by, now=now, origin=origin, changes=changes)
        for field in values:
            setattr(self, field, getattr(current, field))
        return list(changed)

    def rotate(
        self,
        *,
        by: User | None,
        now: datetime,
        overlap: timedelta | None,
        form_token: str | None = None,
        origin: Origin = COMMAND_LINE,
    ) -> tuple[APIKey, str]:
        """Create the successor of this key, which itself keeps working for ``overlap`` at the most.

        ``None`` keeps it working until a day after the successor is first used. No overlap revokes
        it at once. The successor has the same name, permissions, addresses and lifetime, but never
        outlives a key that asks for it. Raises ``AlreadyIssued``, ``AlreadyRotated``, ``KeyEnded``,
        and ``Escalation`` when a key asks for more than it has.
        """
        APIKey.objects.refuse_used_token(self.owner, form_token)
        successor, raw = APIKey.objects.draft(
            owner=self.owner, by=by, form_token=form_token, now=now, origin=origin
        )
        with transaction.atomic():
            old, caller = APIKey.objects.locked(self, origin.key)
            if old is None:
                raise APIKey.DoesNotExist
            APIKey.objects.refuse_used_token(self.owner, form_token)
            old.refuse_rotation(now)
            successor.take_over_from(old, latest_expiry=caller.expires_at if caller else None)
            if caller is not None:
                successor.rate_limit = lowest(old.rate_limit, caller.rate_limit)
            if origin.key is not None:
                refuse_escalation(caller, successor, now=now)
            successor.insert(by=by, now=now, origin=origin)
            old.hand_over_to(successor, by=by, now=now, overlap=overlap, origin=origin)
        return successor, raw

    def refuse_rotation(self, now: datetime) -> None:
        """Raise ``AlreadyRotated`` or ``KeyEnded`` if the key cannot be rotated at ``now``."""
        if self.successor is not None:
            raise AlreadyRotated(self.successor)
        if self.is_ended(now):
            raise KeyEnded

    def take_over_from(self, old: APIKey, *, latest_expiry: datetime | None) -> None:
        """Copy, before the first save, what ``old`` may do, and start its lifetime over."""
        self.name = old.name
        self.permissions = old.permissions
        self.allowed_networks = old.allowed_networks
        self.rate_limit = old.rate_limit
        lifetime_ends = None
        if old.expires_at is not None:
            lifetime_ends = self.created_at + (old.expires_at - old.created_at)
        self.expires_at = earliest(lifetime_ends, latest_expiry)

    def hand_over_to(
        self,
        successor: APIKey,
        *,
        by: User | None,
        now: datetime,
        overlap: timedelta | None,
        origin: Origin,
    ) -> None:
        """Keep working for ``overlap``, never past the key's own expiry."""
        wait = LONGEST_WAIT_FOR_FIRST_USE if overlap is None else overlap
        APIKey.objects.filter(pk=self.pk).update(expires_at=earliest(self.expires_at, now + wait))
        Rotation.objects.create(
            old=self,
            new=successor,
            started_at=now,
            old_expires_at=self.expires_at,
            grace=GRACE_AFTER_FIRST_USE if overlap is None else None,
        )
        self.record(KeyEvent.Action.ROTATED, by=by, now=now, origin=origin, detail=successor.masked)
        if overlap is not None and not overlap:
            self.revoke(by=by, now=now, origin=origin)

    def insert(self, *, by: User | None, now: datetime, origin: Origin = COMMAND_LINE) -> None:
        """Store a drafted key, with its first event."""
        self.save(force_insert=True)
        self.record(KeyEvent.Action.CREATED, by=by, now=now, origin=origin)

    def record(
        self,
        action: KeyEvent.Action,
        *,
        by: User | None,
        now: datetime,
        origin: Origin = COMMAND_LINE,
        **facts: Any,
    ) -> KeyEvent:
        """Record an event, with ``changes`` or ``detail``; who listens is told in this transaction."""
        event = KeyEvent.objects.create(
            key=self,
            at=now,
            actor=by,
            actor_kind=facts.pop("actor_kind", None) or actor_kind(self.owner, by, origin),
            actor_name=by.get_username() if by else "",
            actor_key_id=origin.key.key_id if origin.key else "",
            ip=origin.ip,
            action=action,
            **facts,
        )
        event_recorded.send(KeyEvent, event=event)
        return event


def actor_kind(owner: User, by: User | None, origin: Origin) -> KeyEvent.Actor:
    """Return who changes a key of ``owner``: the owner, another user or a command, or a key."""
    if origin.key is not None:
        return KeyEvent.Actor.KEY
    return KeyEvent.Actor.USER if by is not None and by.pk == owner.pk else KeyEvent.Actor.OPERATOR


def shown(key: APIKey, field: str) -> Any:
    """Return a field of ``key`` as events and the API show it."""
    match field:
        case "permissions":
            return key.granted.names
        case "allowed_networks":
            return key.networks
        case "expires_at":
            return key.expires_at.isoformat() if key.expires_at else None
        case _:
            return getattr(key, field)


def earliest(*moments: datetime | None) -> datetime | None:
    """Return the first of ``moments``, where ``None`` is never."""
    return min((moment for moment in moments if moment is not None), default=None)
