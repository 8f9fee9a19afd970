"""Keys and events in words, for pages and the admin."""

from __future__ import annotations

import unicodedata
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apikeys.core import keyformat
from apikeys.core.times import in_full
from apikeys.models import KeyEvent, Permission
from apikeys.pages.times import moment

ADDRESSES_SHOWN = 5
"""Most addresses of a list that a page shows in the description of a change."""

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
    return "; ".join([*changes, *_changed_fields(event)])


def described_in_html(event: KeyEvent, *, addresses: int | None = ADDRESSES_SHOWN) -> SafeString:
    """Return ``described`` for a page: times are elements, and only the first ``addresses`` are shown."""
    changes = [
        format_html(
            "{}: {} → {}",
            FIELD_LABELS.get(field, field),
            _value_in_html(field, old, addresses),
            _value_in_html(field, new, addresses),
        )
        for field, (old, new) in event.changes.items()
    ]
    return format_html_join("; ", "{}", ((change,) for change in [*changes, *_changed_fields(event)]))


def _changed_fields(event: KeyEvent) -> list[str]:
    """Return the fields that an event of the first release changed: it has their names, not their values."""
    if not event.detail:
        return []
    return [", ".join(FIELD_LABELS.get(field, field) for field in event.detail.split(", "))]


def _value_in_html(field: str, value: Any, addresses: int | None) -> str:
    match field:
        case "expires_at" if value and (at := parse_datetime(value)):
            return moment(at)
        case "allowed_networks" if addresses is not None and len(value) > addresses:
            return f"{', '.join(value[:addresses])} and {len(value) - addresses:,} more"
        case _:
            return _value(field, value)


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
