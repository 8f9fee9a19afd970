"""The stored key and its state."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models

from apikeys.core import keyformat, names
from apikeys.models import changes, events, issuing, revocation, successors
from apikeys.models.choices import EXPIRES_SOON, KeyState, Permission
from apikeys.models.events import KeyEvent
from apikeys.models.issuing import APIKeyQuerySet
from apikeys.models.usage import METHOD_LENGTH, ROUTE_LENGTH, USER_AGENT_LENGTH


class APIKey(models.Model):
    """A stored key. Change it only through its verbs: each makes one guarded UPDATE and records one event."""

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
    last_used_method = models.CharField(max_length=METHOD_LENGTH, editable=False, default="")
    last_used_route = models.CharField(max_length=ROUTE_LENGTH, editable=False, default="")
    read_needed_at = models.DateTimeField(null=True, editable=False)
    write_needed_at = models.DateTimeField(null=True, editable=False)
    admin_needed_at = models.DateTimeField(null=True, editable=False)

    objects = APIKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        ordering = ("-created_at", "-id")
        constraints = (
            # A constraint, because unique=True would add a second index, for LIKE, on PostgreSQL.
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

    @property
    def has_fixed_expiry(self) -> bool:
        """Return whether a rotation sets when the key expires; see ``with_rotations``."""
        return hasattr(self, "rotation")

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

    def live_descendants(self, now: datetime) -> list[APIKey]:
        """Return the live descendants of this key: created through the API or by rotation."""
        family = APIKey.objects.filter(pk=self.pk).with_descendants()
        return [key for key in family if key.pk != self.pk and key.is_live(now)]

    # The verbs, each defined in its own module.
    insert = issuing.insert
    change = changes.change
    refuse_rotation = successors.refuse_rotation
    rotate = successors.rotate
    revoke = revocation.revoke
    revoke_with_descendants = revocation.revoke_with_descendants
    record = events.record
