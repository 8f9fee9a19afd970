"""What the pages say about keys: states, times, names, bars."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil

from apikeys.models import APIKey, Permission
from apikeys.pages.display import described, in_full, quoted
from apikeys.usage.reports import Day

register = template.Library()

register.filter("quoted", quoted)
register.filter("described", described)


@register.inclusion_tag("apikeys/_badge.html")
def badge(key: APIKey, now: datetime) -> dict[str, Any]:
    return {"state": key.state(now)}


@register.filter
def is_ended(key: APIKey, now: datetime) -> bool:
    return key.is_ended(now)


@register.filter
def permission_labels(key: APIKey) -> str:
    return key.granted.label


@register.filter
def permission_help(value: str) -> str:
    return Permission.of([value]).description


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
