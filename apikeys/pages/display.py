"""Keys and events in words, for pages, admin and emails."""

from __future__ import annotations

import unicodedata
from typing import Any

from django.utils.dateparse import parse_datetime

from apikeys.core import keyformat
from apikeys.core.times import in_full
from apikeys.models import KeyEvent, Permission

FIELD_LABELS = {
    "name": "Name",
    "permissions": "Permissions",
    "allowed_networks": "Allowed IP addresses",
    "expires_at": "Expires",
    "rate_limit": "Rate limit",
}
_TURNING = {"R", "AL", "RLE", "RLO", "RLI", "LRE", "LRO", "LRI", "FSI", "PDF", "PDI"}
"""Bidirectional classes of the characters that could reorder the text around a name."""


def isolated(name: str) -> str:
    """Return ``name`` so that it can't reorder the plain text around it."""
    if any(unicodedata.bidirectional(character) in _TURNING for character in name):
        return f"\u2068{name}\u2069"
    return name


def quoted(name: str) -> str:
    return isolated(f"“{name}”")


def actor(event: KeyEvent) -> str:
    """Return who caused an event; an operator is marked as one."""
    match event.actor_kind:
        case KeyEvent.Actor.KEY:
            return f"API key {keyformat.masked(event.actor_key_id)}"
        case KeyEvent.Actor.NOBODY:
            return "someone who isn't signed in"
        case KeyEvent.Actor.OPERATOR if event.actor_name:
            return f"{event.actor_name} (operator)"
        case _:
            return event.actor_name or "an operator"


def described(event: KeyEvent) -> str:
    """Return what an event changed, from what to what: "Permissions: Read, Write → Read"."""
    changes = [
        f"{FIELD_LABELS.get(field, field)}: {_value(field, old)} → {_value(field, new)}"
        for field, (old, new) in event.changes.items()
    ]
    if event.detail:
        # Events of the first release have only the names of the changed fields, not their values.
        fields = event.detail.split(", ")
        changes.append(", ".join(FIELD_LABELS.get(field, field) for field in fields))
    return "; ".join(changes)


def _value(field: str, value: Any) -> str:
    match field:
        case "permissions":
            return Permission.of(value).label
        case "allowed_networks":
            return ", ".join(value) or "any address"
        case "expires_at":
            at = parse_datetime(value) if value else None
            return in_full(at) if at else "never"
        case "rate_limit":
            return value or "the default"
        case _:
            return isolated(str(value))
