"""Changes to a live key's settings."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction

from apikeys.models.delegation import Grant, refuse_escalation
from apikeys.models.events import COMMAND_LINE, KeyEvent, Origin

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from apikeys.models.keys import APIKey

CHANGEABLE = ("name", "permissions", "allowed_networks", "expires_at", "rate_limit")


class KeyEnded(Exception):
    """The key is revoked or expired, so it can't be changed any more."""


class RotationSetsExpiry(Exception):
    """A successor is replacing the key, so only their rotation changes when the key expires."""


def change(
    key: APIKey, *, by: User | None, now: datetime, origin: Origin = COMMAND_LINE, **values: Any
) -> list[str]:
    """Set some of ``CHANGEABLE`` on ``key``; return the names of what changed.

    Raises ``KeyEnded``, ``RotationSetsExpiry``, and ``Escalation`` if the calling key asks for more than
    it has.
    """
    unknown = values.keys() - set(CHANGEABLE)
    if unknown:
        raise TypeError(f"a key's {', '.join(sorted(unknown))} cannot be changed")
    keys = type(key).objects
    with transaction.atomic():
        current, caller = keys.locked(key, origin.key)
        if current is None:
            raise type(key).DoesNotExist
        if current.is_ended(now):
            raise KeyEnded
        before = Grant.of(current)
        changed = {field: value for field, value in values.items() if getattr(current, field) != value}
        if changed:
            changes = _set(current, changed)
            if origin.key is not None:
                refuse_escalation(caller, current, now=now, before=before)
            if "expires_at" in changed and current.has_fixed_expiry:
                raise RotationSetsExpiry
            keys.filter(pk=key.pk).update(**changed)
            current.record(KeyEvent.Action.CHANGED, by=by, now=now, origin=origin, changes=changes)
    for field in values:
        setattr(key, field, getattr(current, field))
    return list(changed)


def _set(key: APIKey, values: dict[str, Any]) -> dict[str, list[Any]]:
    """Set ``values`` on ``key`` without saving it; return ``{field: [from, to]}``."""
    changes = {field: [shown(key, field)] for field in values}
    for field, value in values.items():
        setattr(key, field, value)
        changes[field].append(shown(key, field))
    return changes


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
