"""Template tags and filters for keys: states, permissions, numbers and bars."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from django import template
from django.forms import BoundField
from django.utils.safestring import SafeString

from apikeys.core.networks import parse_address
from apikeys.core.policy import admits
from apikeys.models import IDLE_AFTER, APIKey, Permission
from apikeys.pages.display import actor, described_in_html, quoted
from apikeys.pages.times import ago, at_minute, moment, on_day
from apikeys.usage.reports import Day

register = template.Library()

register.filter("quoted", quoted)
register.filter("described", described_in_html)
register.filter("actor", actor)
register.filter("moment", moment)
register.filter("on_day", on_day)
register.filter("at_minute", at_minute)
register.simple_tag(ago)

BAR_STEP, BAR_HEIGHT = 4, 24
CHART_STEP, CHART_HEIGHT = 10, 100


@register.inclusion_tag("apikeys/_badge.html")
def badge(key: APIKey, now: datetime) -> dict[str, Any]:
    rotating = key.is_live(now) and key.successor is not None
    rotation = key.rotation if rotating else None
    return {"state": key.state(now), "rotation": rotation, "ends_at": key.expires_at}


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
def is_admitted(address: str, key: APIKey) -> bool:
    """Return whether the key's list admits ``address``."""
    return admits(key.allowed_networks, parse_address(address))


@register.filter
def is_recent(at: datetime | None, now: datetime) -> bool:
    return at is not None and at > now - IDLE_AFTER


@register.simple_tag
def idle_days() -> int:
    return IDLE_AFTER.days


@register.filter
def last_day(days: Sequence[Day]) -> date:
    return days[-1].date


@register.filter
def last_needed(key: APIKey, permission: str) -> datetime | None:
    return key.needed_at(Permission.of([permission]))


@register.filter
def number(count: int) -> str:
    return f"{count:,}"


@register.filter
def percent(share: float) -> str:
    """Format a percentage; something that happened is never "0.0 %"."""
    return "under 0.1 %" if 0 < share < 0.1 else f"{share:.1f} %"


@register.filter
def shown_before(field: BoundField) -> SafeString:
    """Return the hidden inputs that say what the form showed in ``field``."""
    return field.as_hidden(only_initial=True) if field.field.show_hidden_initial else SafeString("")


@register.inclusion_tag("apikeys/_usage_bars.html")
def usage_bars(hours: Sequence[int]) -> dict[str, Any]:
    """Return a small bar for each hour, oldest first."""
    most = max(hours, default=0)
    bars = [
        (place * BAR_STEP, max(2, round(count / most * BAR_HEIGHT)))
        for place, count in enumerate(hours)
        if count
    ]
    return {"bars": bars, "calls": sum(hours), "width": BAR_STEP * len(hours), "height": BAR_HEIGHT}


@register.inclusion_tag("apikeys/_usage_chart.html")
def usage_chart(days: Sequence[Day]) -> dict[str, Any]:
    """Return stacked bars for ``days``, oldest first."""
    peak = max(days, key=lambda day: day.total)
    series: dict[str, list[Bar]] = {"answered": [], "failed": [], "refused": []}
    for place, day in enumerate(days):
        top = CHART_HEIGHT
        for name, bars in series.items():
            count = getattr(day, name)
            if count:
                height = max(1, round(count / peak.total * CHART_HEIGHT))
                top -= height
                bars.append(Bar(place * CHART_STEP, max(0, top), height))
    totals = {name: sum(getattr(day, name) for day in days) for name in series}
    width = CHART_STEP * len(days)
    return {"days": days, "peak": peak, "series": series, "totals": totals, "width": width}


class Bar(NamedTuple):
    x: int
    y: int
    height: int
