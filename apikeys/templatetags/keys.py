"""What the pages say about keys: states, times, names, bars."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil

from apikeys.models import APIKey, KeyEvent, KeyState
from apikeys.pages.forms import PERMISSIONS, KeyForm
from apikeys.usage.reports import Day

register = template.Library()

BADGES = {
    KeyState.ACTIVE: ("ok", "Active", "M3 8.5l3.2 3.2L13 5"),
    KeyState.EXPIRING: ("warn", "Expires soon", "M8 3.5V8l3 2M8 1.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13z"),
    KeyState.EXPIRED: ("off", "Expired", "M4 8h8M8 1.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13z"),
    KeyState.REVOKED: ("off", "Revoked", "M4 4l8 8M12 4l-8 8"),
}
TURNING = {"R", "AL", "RLE", "RLO", "RLI", "LRE", "LRO", "LRI", "FSI", "PDF", "PDI"}
"""Bidirectional classes of the characters that could reorder the text around a name."""


def isolated(name: str) -> str:
    """Return ``name`` fit for plain text: it cannot turn the words beside it around."""
    if any(unicodedata.bidirectional(character) in TURNING for character in name):
        return f"\u2068{name}\u2069"
    return name


@register.filter
def quoted(name: str) -> str:
    return isolated(f"“{name}”")


@register.inclusion_tag("apikeys/_badge.html")
def badge(key: APIKey, now: datetime) -> dict[str, Any]:
    kind, word, path = BADGES[key.state(now)]
    return {"kind": kind, "word": word, "path": path}


@register.filter
def over(key: APIKey, now: datetime) -> bool:
    return not key.is_live(now)


@register.filter
def permission_labels(key: APIKey) -> str:
    return ", ".join(PERMISSIONS[name][0] for name in key.granted.names)


@register.filter
def permission_help(value: str) -> str:
    return PERMISSIONS[value][1]


@register.filter
def event_detail(event: KeyEvent) -> str:
    """Return what an event changed, in the words of the form."""
    fields = KeyForm.base_fields
    return ", ".join(
        str(fields[name].label or name.capitalize()) if name in fields else name
        for name in event.detail.split(", ")
    )


@register.filter
def moment(at: datetime) -> SafeString:
    """Return the time in full, for pages that have the room."""
    return format_html('<time datetime="{}">{}</time>', _machine(at), in_full(at))


@register.simple_tag
def ago(at: datetime, now: datetime) -> SafeString:
    """Return how far ``at`` is from ``now``, with the time in full as its title."""
    if abs((at - now).total_seconds()) < 60:
        words = "just now"
    elif at < now:
        words = f"{timesince(at, now, depth=1)} ago"
    else:
        words = f"in {timeuntil(at, now, depth=1)}"
    return format_html('<time datetime="{}" title="{}">{}</time>', _machine(at), in_full(at), words)


@register.filter
def on_day(at: datetime) -> SafeString:
    """Return the day, with the time in full as its title."""
    at = at.astimezone(timezone.get_current_timezone())
    words = date_format(at, "j M Y")
    return format_html('<time datetime="{}" title="{}">{}</time>', _machine(at), in_full(at), words)


def in_full(at: datetime) -> str:
    at = at.astimezone(timezone.get_current_timezone())
    return f"{date_format(at, 'j F Y, H:i')} {at:%Z}"


@register.filter
def number(count: int) -> str:
    return f"{count:,}"


@register.filter
def totals(days: Sequence[Day]) -> list[int]:
    return [day.total for day in days]


@register.inclusion_tag("apikeys/_usage_bars.html")
def usage_bars(counts: Sequence[int], label: str, width: int = 3, height: int = 24) -> dict[str, Any]:
    """Return bars for ``counts``, oldest first; ``label`` says what they count. Sizes in pixels."""
    most = max(counts, default=0)
    step = width + max(1, width // 4)
    bars = [
        f"M{place * step} {height}v-{max(2, round(count / most * height))}h{width}V{height}z"
        for place, count in enumerate(counts)
        if count
    ]
    return {
        "bars": "".join(bars),
        "label": label,
        "calls": sum(counts),
        "width": step * len(counts),
        "height": height,
        "dashes": f"{width} {step - width}",
    }


def _machine(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
