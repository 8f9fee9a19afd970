"""API keys and what happens to them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import IntFlag, StrEnum
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import IntegrityError, models, transaction

from apikeys.core import keyformat
from apikeys.core.hashing import KeyHasher

if TYPE_CHECKING:
    from django.contrib.auth.models import User

EXPIRES_SOON = timedelta(days=14)
USER_AGENT_LENGTH = 200
BATCH = 500
"""Rows that one statement names: SQLite takes no more than some ten thousand parameters."""

HASHER = KeyHasher(**settings.API_KEY_ARGON2)


class Permission(IntFlag):
    """What a key may do. ``ADMIN`` grants everything; the other two do not imply each other."""

    READ = 1
    WRITE = 2
    ADMIN = 4

    @classmethod
    def of(cls, names: Iterable[str]) -> Permission:
        """Return the set of ``names`` ("read", "write", "admin"); ``KeyError`` for others."""
        granted = cls(0)
        for name in names:
            granted |= cls[name.upper()]
        return granted

    @property
    def names(self) -> list[str]:
        return [str(permission.name).lower() for permission in self]


class KeyState(StrEnum):
    ACTIVE = "active"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    REVOKED = "revoked"


class NotLive(Exception):
    """The key is revoked or expired, which is final."""


class AlreadyIssued(Exception):
    """This form has made its key already; ``key`` is that key."""

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

    def live(self, now: datetime) -> Self:
        """Keys that are neither revoked nor expired at ``now``."""
        return self.filter(_live(now))

    def live_first(self, now: datetime) -> Self:
        over = models.Case(models.When(_live(now), then=0), default=1)
        return self.order_by(over, "-created_at", "-id")

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
        key_id = text.removeprefix(f"{keyformat.PREFIX}_").partition("_")[0]
        return self.filter(models.Q(name__icontains=text) | models.Q(key_id=key_id))

    def revoke(self, *, by: User | None, now: datetime) -> int:
        """Stop all of these keys for good, or none; return how many were not revoked before."""
        with transaction.atomic():
            ids = list(self.filter(revoked_at=None).select_for_update().values_list("pk", flat=True))
            for batch in (ids[start : start + BATCH] for start in range(0, len(ids), BATCH)):
                APIKey.objects.filter(pk__in=batch).update(revoked_at=now, revoked_by=by)
                KeyEvent.objects.bulk_create(
                    KeyEvent(key_id=pk, at=now, actor=by, action=KeyEvent.Action.REVOKED) for pk in batch
                )
        return len(ids)

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
    ) -> tuple[APIKey, str]:
        """Make a key and return it with its plaintext, which exists nowhere else from then on.

        Raises ``AlreadyIssued`` when the owner's ``form_token`` has made a key before.
        """
        self.refuse_used_token(owner, form_token)
        key, raw = self.draft(owner=owner, by=by, form_token=form_token, now=now)
        key.name = name
        key.permissions = permissions
        key.allowed_networks = allowed_networks
        key.expires_at = expires_at
        try:
            with transaction.atomic():
                key.insert(by=by, now=now)
        except IntegrityError:
            self.refuse_used_token(owner, form_token)
            raise
        return key, raw

    def draft(
        self, *, owner: User, by: User | None, form_token: str | None, now: datetime
    ) -> tuple[APIKey, str]:
        """Return an unsaved key with its plaintext. Argon2 runs here, so outside transactions."""
        parts = keyformat.generate()
        raw = str(parts)
        key = self.model(
            key_id=parts.key_id,
            checksum=parts.checksum,
            encoding=HASHER.encode(raw),
            owner=owner,
            created_by=by,
            created_at=now,
            form_token=form_token,
        )
        return key, raw

    def refuse_used_token(self, owner: User, form_token: str | None) -> None:
        """Raise ``AlreadyIssued`` if the owner's ``form_token`` has made a key before."""
        if form_token is not None:
            key = self.filter(owner=owner, form_token=form_token).first()
            if key is not None:
                raise AlreadyIssued(key)


class APIKey(models.Model):
    """A key at rest. Change it through its verbs: each is one guarded UPDATE and one event."""

    key_id = models.CharField("ID", max_length=keyformat.ID_LENGTH, editable=False)
    checksum = models.CharField(max_length=keyformat.CHECKSUM_LENGTH, editable=False)
    encoding = models.CharField(max_length=255, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=80)
    permissions = models.PositiveSmallIntegerField()
    allowed_networks = models.TextField("allowed IP addresses", blank=True)
    created_at = models.DateTimeField(editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="+"
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, editable=False)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="+"
    )
    predecessor = models.OneToOneField(
        "self", models.SET_NULL, null=True, editable=False, related_name="successor"
    )
    form_token = models.CharField(max_length=64, null=True, editable=False)  # noqa: DJ001  # null: made without a form, and not unique
    last_used_at = models.DateTimeField(null=True, editable=False)
    last_used_address = models.CharField(max_length=45, editable=False, default="")
    last_used_user_agent = models.CharField(max_length=USER_AGENT_LENGTH, editable=False, default="")
    last_used_method = models.CharField(max_length=10, editable=False, default="")
    last_used_route = models.CharField(max_length=200, editable=False, default="")

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

    def is_live(self, now: datetime) -> bool:
        return self.state(now) in {KeyState.ACTIVE, KeyState.EXPIRING}

    def state(self, now: datetime) -> KeyState:
        if self.revoked_at is not None:
            return KeyState.REVOKED
        if self.expires_at is None:
            return KeyState.ACTIVE
        if self.expires_at <= now:
            return KeyState.EXPIRED
        return KeyState.EXPIRING if self.expires_at - now <= EXPIRES_SOON else KeyState.ACTIVE

    def revoke(self, *, by: User | None, now: datetime) -> bool:
        """Stop the key for good; return whether it was this call that did."""
        with transaction.atomic():
            updated = APIKey.objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=now, revoked_by=by)
            if updated:
                self.record(KeyEvent.Action.REVOKED, by=by, now=now)
        self.refresh_from_db(fields=["revoked_at", "revoked_by"])
        return bool(updated)

    def change(self, *, by: User | None, now: datetime, **values: Any) -> list[str]:
        """Set ``name``, ``permissions`` or ``allowed_networks``; return the names of what changed.

        Raises ``NotLive`` for a revoked key.
        """
        unknown = values.keys() - {"name", "permissions", "allowed_networks"}
        if unknown:
            raise TypeError(f"a key's {', '.join(sorted(unknown))} cannot be changed")
        changed = {field: value for field, value in values.items() if getattr(self, field) != value}
        if not changed:
            return []
        with transaction.atomic():
            if not APIKey.objects.filter(pk=self.pk, revoked_at=None).update(**changed):
                raise NotLive
            self.record(KeyEvent.Action.CHANGED, by=by, now=now, detail=", ".join(changed))
        self.refresh_from_db(fields=list(changed))
        return list(changed)

    def rotate(
        self, *, by: User | None, now: datetime, overlap: timedelta, form_token: str | None = None
    ) -> tuple[APIKey, str]:
        """Make the successor of this key, which itself works on for ``overlap`` at the most.

        The successor has the same name, permissions, addresses and lifetime. No overlap
        revokes this key at once. Raises ``AlreadyIssued``, ``AlreadyRotated`` or ``NotLive``.
        """
        APIKey.objects.refuse_used_token(self.owner, form_token)
        successor, raw = APIKey.objects.draft(owner=self.owner, by=by, form_token=form_token, now=now)
        with transaction.atomic():
            old = APIKey.objects.select_for_update().get(pk=self.pk)
            APIKey.objects.refuse_used_token(self.owner, form_token)
            old.refuse_rotation(now)
            successor.succeed(old)
            successor.insert(by=by, now=now)
            old.wind_down(by=by, now=now, overlap=overlap)
        return successor, raw

    def refuse_rotation(self, now: datetime) -> None:
        """Raise ``AlreadyRotated`` or ``NotLive`` if the key cannot be rotated at ``now``."""
        successor = APIKey.objects.filter(predecessor=self).first()
        if successor is not None:
            raise AlreadyRotated(successor)
        if not self.is_live(now):
            raise NotLive

    def succeed(self, old: APIKey) -> None:
        """Take over, before the first save, what ``old`` was given, and its lifetime from now."""
        self.predecessor = old
        self.name = old.name
        self.permissions = old.permissions
        self.allowed_networks = old.allowed_networks
        if old.expires_at is not None:
            self.expires_at = self.created_at + (old.expires_at - old.created_at)

    def wind_down(self, *, by: User | None, now: datetime, overlap: timedelta) -> None:
        """Let a rotated key work on for ``overlap``, never past its own expiry."""
        ends_at = min(self.expires_at or now + overlap, now + overlap)
        APIKey.objects.filter(pk=self.pk).update(expires_at=ends_at)
        self.record(KeyEvent.Action.ROTATED, by=by, now=now)
        if not overlap:
            self.revoke(by=by, now=now)

    def insert(self, *, by: User | None, now: datetime) -> None:
        """Store a drafted key, with its first event."""
        self.save(force_insert=True)
        self.record(KeyEvent.Action.CREATED, by=by, now=now)

    def record(self, action: KeyEvent.Action, *, by: User | None, now: datetime, detail: str = "") -> None:
        KeyEvent.objects.create(key=self, at=now, actor=by, action=action, detail=detail)


class KeyEvent(models.Model):
    """Who did what to a key, and when. No actor: an operator on the command line."""

    class Action(models.TextChoices):
        CREATED = "created"
        CHANGED = "changed"
        ROTATED = "rotated"
        REVOKED = "revoked"

    key = models.ForeignKey(APIKey, models.CASCADE, related_name="events")
    at = models.DateTimeField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    action = models.CharField(max_length=10, choices=Action)
    detail = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("-at", "-id")

    def __str__(self) -> str:
        return f"{self.action} {self.at:%Y-%m-%d %H:%M}"


class KeyUsage(models.Model):
    """How often a key was presented within one hour, with what outcome, from where.

    No address stands for those that are unknown or too many to tell apart.
    """

    class Outcome(models.TextChoices):
        ANSWERED = "answered"
        CLIENT_ERROR = "client_error", "Client error"
        SERVER_ERROR = "server_error", "Server error"
        RATE_LIMITED = "rate_limited", "Rate limited"
        # Refused calls; the first three never came past authentication, and are no use of the key.
        REVOKED = "revoked"
        EXPIRED = "expired"
        ADDRESS = "address", "Address not allowed"
        PERMISSION = "permission", "Permission missing"

    key = models.ForeignKey(APIKey, models.CASCADE, related_name="usage", db_index=False)
    hour = models.DateTimeField()
    outcome = models.CharField(max_length=12, choices=Outcome)
    address = models.CharField(max_length=45, blank=True)
    count = models.PositiveBigIntegerField()
    last_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "key usage"
        constraints = (
            models.UniqueConstraint(fields=["key", "hour", "outcome", "address"], name="usage_row_unique"),
        )
        indexes = (models.Index(fields=["hour"], name="usage_hour"),)

    def __str__(self) -> str:
        return f"{self.count} {self.outcome} {self.hour:%Y-%m-%d %H}:00"
