"""The fields of a key in a request body. Each accepts exactly what it documents and converts nothing."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apikeys.core import names, networks
from apikeys.core.keyformat import redact
from apikeys.models import PERMISSION_NAMES, Permission
from wizchat.api.serializers import StrictCharField

# RFC 3339, 5.6, which allows other separators than T; this API doesn't.
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?(?P<zone>[Zz]|[+-]\d\d:\d\d)?", re.ASCII)


class NameField(StrictCharField):
    """A key's name, by the same rules as on pages and in commands."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=names.MAX_LENGTH, **options)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if isinstance(data, str):
            try:
                return names.clean(data)
            except names.InvalidName as error:
                raise serializers.ValidationError(str(error)) from error
        return super().run_validation(data)


@extend_schema_field({"type": "array", "minItems": 1, "items": {"type": "string", "enum": PERMISSION_NAMES}})
class PermissionsField(serializers.Field[Permission, Any, list[str], Any]):
    """``["read", "write"]``: at least one permission."""

    min_length = 1

    def to_internal_value(self, data: Any) -> Permission:
        if not isinstance(data, list):
            raise serializers.ValidationError('Must be a list such as ["read"].')
        unknown = [name for name in data if not isinstance(name, str) or name not in PERMISSION_NAMES]
        if unknown:
            raise serializers.ValidationError(f"Must contain only {', '.join(PERMISSION_NAMES)}.")
        if len(data) < self.min_length:
            raise serializers.ValidationError("Choose at least one permission.")
        return Permission.of(data)

    def to_representation(self, value: Permission) -> list[str]:
        return value.names


@extend_schema_field({"type": "array", "maxItems": networks.MAX_NETWORKS, "items": {"type": "string"}})
class AddressesField(serializers.Field[str, Any, list[str], Any]):
    """``["203.0.113.7", "10.0.0.0/8"]``; an empty list means any address."""

    max_length = networks.MAX_NETWORKS

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, list):
            raise serializers.ValidationError('Must be a list such as ["203.0.113.7", "10.0.0.0/8"].')
        if len(data) > self.max_length:
            raise serializers.ValidationError(
                f"At most {self.max_length:,} addresses are allowed; this list has {len(data):,}."
            )
        found: dict[networks.IPNetwork, None] = {}
        errors = []
        for number, entry in enumerate(data, start=1):
            try:
                found[_network(entry)] = None
            except ValueError as error:
                errors.append(f"Entry {number}: {redact(str(error))}")
        if errors:
            raise serializers.ValidationError(errors[: networks.MAX_ERRORS])
        return networks.canonical(found)

    def to_representation(self, value: str) -> list[str]:
        return value.split("\n") if value else []


class TimeField(serializers.DateTimeField):
    """An RFC 3339 time with its zone, to the microsecond."""

    def to_internal_value(self, value: Any) -> datetime:
        match = _TIME.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise serializers.ValidationError("Must be a time such as 2030-01-31T12:00:00Z.")
        if match["zone"] is None:
            raise serializers.ValidationError("Add a time zone: Z, or an offset such as +01:00.")
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            raise serializers.ValidationError("This date or time doesn't exist.") from None


class WholeNumberField(serializers.IntegerField):
    """Accepts only a JSON integer; DRF's own field also accepts "1", 1.0 and true."""

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return data


def _network(entry: Any) -> networks.IPNetwork:
    if not isinstance(entry, str):
        raise ValueError("Must be a string.")
    return networks.parse_network(entry.strip())
