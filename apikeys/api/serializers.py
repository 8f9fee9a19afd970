"""Keys as JSON: what the API shows, and what it accepts to create or change one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apikeys.api.fields import AddressesField, NameField, PermissionsField, TimeField, WholeNumberField
from apikeys.core import keyformat
from apikeys.core.outcomes import COUNTED
from apikeys.models import (
    DEFAULT_LIFETIME,
    DEFAULT_OVERLAP,
    EXPIRES_SOON,
    LONGEST_LIFETIME,
    LONGEST_OVERLAP,
    APIKey,
    KeyEvent,
    KeyState,
    earliest,
)
from wizchat.api.serializers import NoUnknownFields

CREATORS = [kind.value for kind in KeyEvent.Actor if kind is not KeyEvent.Actor.NOBODY]
WHOLE_ID_PATTERN = f"^{keyformat.ID_PATTERN}$"
OTHER_ID = {"type": ["string", "null"], "pattern": WHOLE_ID_PATTERN}


@extend_schema_field({"type": "string", "pattern": WHOLE_ID_PATTERN})
class IdField(serializers.CharField):
    """A key's id. Clients can't choose it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(read_only=True, **options)


@extend_schema_field({"type": "string", "enum": CREATORS})
class CreatorField(serializers.CharField):
    """Who created a key."""

    def __init__(self, **options: Any) -> None:
        super().__init__(read_only=True, **options)


class KeySerializer(NoUnknownFields, serializers.Serializer[APIKey]):
    """A key as any admin key of its owner sees it. Fields that aren't read-only can be changed.

    ``context`` has ``now``.
    """

    id = IdField(source="key_id", help_text="The public part of the key, which identifies it in URLs.")
    name = NameField(help_text="Your name for the key.")
    permissions = PermissionsField(source="granted", help_text="What it can do. `admin` includes the others.")
    allowed_ips = AddressesField(
        source="allowed_networks",
        help_text="The IPv4 and IPv6 addresses and CIDR ranges it can be used from; `[]` allows any.",
    )
    state = serializers.SerializerMethodField(
        help_text=f"`expiring` means it expires within {EXPIRES_SOON.days} days."
    )
    created_at = serializers.DateTimeField(read_only=True, help_text="When it was created.")
    expires_at = TimeField(allow_null=True, help_text="When it expires; null if never.")
    revoked_at = serializers.DateTimeField(read_only=True, allow_null=True, help_text="When it was revoked.")
    last_used_at = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="When it was last used, to about a second."
    )
    last_used_ip = serializers.SerializerMethodField(help_text="The IP address that last used it.")
    predecessor = serializers.SerializerMethodField(help_text="The id of the key it replaces.")
    successor = serializers.SerializerMethodField(help_text="The id of the key that replaces it.")
    created_by = CreatorField(source="created_by_kind", help_text="Who created it.")
    created_by_key = serializers.SerializerMethodField(help_text="The id of the key that created it.")

    @property
    def now(self) -> datetime:
        now: datetime = self.context["now"]
        return now

    @extend_schema_field({"type": "string", "enum": [state.value for state in KeyState]})
    def get_state(self, key: APIKey) -> str:
        return key.state(self.now)

    def get_last_used_ip(self, key: APIKey) -> str | None:
        return key.last_used_ip or None

    @extend_schema_field(OTHER_ID)
    def get_predecessor(self, key: APIKey) -> str | None:
        return key.predecessor.key_id if key.predecessor else None

    @extend_schema_field(OTHER_ID)
    def get_successor(self, key: APIKey) -> str | None:
        return key.successor.key_id if key.successor else None

    @extend_schema_field(OTHER_ID)
    def get_created_by_key(self, key: APIKey) -> str | None:
        return key.created_by_key.key_id if key.created_by_key else None

    def validate_expires_at(self, value: datetime | None) -> datetime | None:
        if value is None or (self.instance is not None and value == self.instance.expires_at):
            return value
        if value <= self.now:
            raise serializers.ValidationError("Must be in the future.")
        if value > self.now + LONGEST_LIFETIME:
            raise serializers.ValidationError(f"Must be within {LONGEST_LIFETIME.days:,} days.")
        return value


class ChangeSerializer(KeySerializer):
    """The body of ``PATCH``. Anything that ``GET`` returned, even from ``/v1/key``, can be sent back."""

    client_ip = serializers.CharField(read_only=True, help_text="Ignored.")

    @property
    def values(self) -> dict[str, Any]:
        """Return the arguments for ``APIKey.change``."""
        return with_model_names(self.validated_data)


class CreateSerializer(KeySerializer):
    """The body of a new key. ``context`` has the ``caller``, whose addresses and expiry are the defaults."""

    allowed_ips = AddressesField(
        source="allowed_networks",
        required=False,
        help_text="Where it can be used from; `[]` allows any address. Default: the same as the key you use.",
    )
    expires_at = TimeField(
        allow_null=True,
        required=False,
        help_text=f"When it expires, at most {LONGEST_LIFETIME.days:,} days from now; null for never. "
        f"Default: in {DEFAULT_LIFETIME.days} days, or when the key you use expires, if that comes first.",
    )
    expires_in_days = WholeNumberField(
        min_value=1,
        max_value=LONGEST_LIFETIME.days,
        required=False,
        help_text="In how many days it expires. Send either this or `expires_at`.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "expires_at" in attrs and "expires_in_days" in attrs:
            problem = "Send either expires_at or expires_in_days, not both."
            raise serializers.ValidationError({"expires_at": problem, "expires_in_days": problem})
        return attrs

    @property
    def values(self) -> dict[str, Any]:
        """Return the arguments for ``issue``."""
        caller: APIKey = self.context["caller"]
        values = {"allowed_networks": caller.allowed_networks, **with_model_names(self.validated_data)}
        days = values.pop("expires_in_days", None)
        if days is not None:
            values["expires_at"] = self.now + timedelta(days=days)
        values.setdefault("expires_at", earliest(self.now + DEFAULT_LIFETIME, caller.expires_at))
        return values


class RotateSerializer(NoUnknownFields, serializers.Serializer[Any]):
    """How long the old key keeps working."""

    overlap_seconds = WholeNumberField(
        min_value=0,
        max_value=int(LONGEST_OVERLAP.total_seconds()),
        default=int(DEFAULT_OVERLAP.total_seconds()),
        help_text="How many seconds the old key keeps working, if it doesn't expire first.",
    )

    @property
    def overlap(self) -> timedelta:
        return timedelta(seconds=self.validated_data["overlap_seconds"])


class NewKeySerializer(KeySerializer):
    """A new key with its plaintext: ``context`` has the ``key``, which is stored nowhere."""

    key = serializers.SerializerMethodField(help_text="The whole key, only this once.")

    @extend_schema_field({"type": "string", "pattern": f"^{keyformat.PATTERN}$"})
    def get_key(self, key: APIKey) -> str:
        raw: str = self.context["key"]
        return raw


class CallerSerializer(KeySerializer):
    """The caller's key; ``context`` has the ``client_ip`` that it was checked against."""

    client_ip = serializers.SerializerMethodField(
        help_text="Your IP address, which is checked against `allowed_ips`; null if WizChat can't tell."
    )

    def get_client_ip(self, key: APIKey) -> str | None:
        client_ip: str | None = self.context["client_ip"]
        return client_ip


def with_model_names(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return validated ``values`` with the permissions under the name of their column."""
    return {("permissions" if name == "granted" else name): value for name, value in values.items()}


class OutcomesSerializer(serializers.Serializer[Any]):
    """Calls by outcome; every outcome is present."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {
            outcome.value: serializers.IntegerField(
                min_value=0, read_only=True, help_text=f"{outcome.label}."
            )
            for outcome in COUNTED
        }


class DaySerializer(serializers.Serializer[Any]):
    date = serializers.DateField(read_only=True, help_text="The day, in UTC.")
    total = serializers.IntegerField(min_value=0, read_only=True, help_text="All calls on that day.")
    outcomes = OutcomesSerializer(read_only=True, help_text="Calls by outcome.")


class UsageSerializer(serializers.Serializer[Any]):
    days = DaySerializer(many=True, read_only=True, help_text="One entry for each day, today last.")
