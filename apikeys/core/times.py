"""Times in words. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def in_full(at: datetime) -> str:
    """Return a time as "24 November 2026, 13:57 UTC"."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


def length(duration: timedelta) -> str:
    """Return whole hours, or whole days from two days on, such as "24 hours" or "7 days"."""
    hours = duration // timedelta(hours=1)
    count, unit = (hours, "hour") if hours < 48 else (duration.days, "day")
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
