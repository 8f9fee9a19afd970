"""Times in words. Pure."""

from __future__ import annotations

from datetime import UTC, datetime


def in_full(at: datetime) -> str:
    """Return a time as "24 November 2026, 13:57 UTC"."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%B %Y, %H:%M} UTC"
