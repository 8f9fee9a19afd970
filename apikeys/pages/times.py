"""Times as ``<time>`` elements, on pages and in the admin: in UTC, or by script in the reader's time zone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.contrib import admin
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil

from apikeys.core.times import in_full


def moment(at: datetime) -> SafeString:
    """Return the time in full, for pages with room for it."""
    return _time(at, "full", in_full(at))


def ago(at: datetime, now: datetime) -> SafeString:
    """Return how far ``at`` is from ``now``, with the time in full as its title."""
    if abs((at - now).total_seconds()) < 60:
        words = "just now"
    elif at < now:
        words = f"{timesince(at, now, depth=1)} ago"
    else:
        words = f"in {timeuntil(at, now, depth=1)}"
    return format_html(
        '<time datetime="{}" data-at="ago" title="{}">{}</time>', _iso_utc(at), in_full(at), words
    )


def on_day(at: datetime) -> SafeString:
    return _time(at, "day", date_format(_in_current_zone(at), "j M Y"))


def at_minute(at: datetime) -> SafeString:
    return _time(at, "minute", date_format(_in_current_zone(at), "j M H:i"))


def moment_of(field: str) -> Callable[[Any, Any], SafeString | None]:
    """Return a method of a ``ModelAdmin`` that shows the time in ``field``."""

    @admin.display(description=field.replace("_", " "), ordering=field, empty_value="Never")
    def shown(self: Any, obj: Any) -> SafeString | None:
        at = getattr(obj, field)
        return moment(at) if at else None

    return shown


def _time(at: datetime, kind: str, words: str) -> SafeString:
    """Return a time in UTC, which a script converts to the reader's zone in the format ``kind``."""
    return format_html('<time datetime="{}" data-at="{}">{}</time>', _iso_utc(at), kind, words)


def _in_current_zone(at: datetime) -> datetime:
    return at.astimezone(timezone.get_current_timezone())


def _iso_utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
