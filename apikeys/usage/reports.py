"""Reports on the use of keys: by hour and day, callers, and refusals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from django.db.models import Max, QuerySet, Sum

from apikeys.core.batches import batches
from apikeys.core.networks import IPNetwork, NetworkSet, parse_address
from apikeys.core.outcomes import COUNTED, REFUSED, USES, Outcome
from apikeys.models import APIKey, KeyUsage

HOUR = timedelta(hours=1)
DAYS = 30
"""How far back pages and the admin look."""


class Tally:
    """Calls by outcome; outcomes that did not happen are left out."""

    outcomes: Counter[str]

    @property
    def total(self) -> int:
        return self.outcomes.total()

    @property
    def refused(self) -> int:
        return sum(self.outcomes[outcome] for outcome in REFUSED)


@dataclass(frozen=True)
class Day(Tally):
    """The calls of one day (UTC)."""

    date: date
    outcomes: Counter[str]

    @property
    def answered(self) -> int:
        return self.outcomes[Outcome.ANSWERED]

    @property
    def failed(self) -> int:
        return self.total - self.answered - self.refused


class Share(NamedTuple):
    """One outcome's part of all calls; ``percent`` is out of 100."""

    label: str
    calls: int
    percent: float


class Callers(NamedTuple):
    """Who called: ``addresses`` has (address, calls), the busiest first; "" for unknown addresses."""

    calls: int
    addresses: list[tuple[str, int]]
    last_at: datetime | None


@dataclass
class LastDay:
    """The calls of a key in each of 24 hours, and how many calls were refused."""

    hours: list[int] = field(default_factory=lambda: [0] * 24)
    refused: int = 0

    @property
    def calls(self) -> int:
        return sum(self.hours)


@dataclass
class Caller(Tally):
    """The calls from one address, "" for unknown addresses.

    ``last_used_at`` is when a call was last accepted.
    """

    address: str
    outcomes: Counter[str]
    last_at: datetime
    last_used_at: datetime | None

    @property
    def reasons(self) -> str:
        """Return why calls were refused, such as "Address not allowed, Revoked"."""
        return ", ".join(outcome.label for outcome in REFUSED if self.outcomes[outcome])


class Refusal(NamedTuple):
    reason: str
    address: str
    calls: int
    last_at: datetime


def last_day(keys: Collection[APIKey], now: datetime) -> dict[int, LastDay]:
    """Return the calls of each key, by its primary key, in 24 clock hours up to this one.

    ``hours`` has only uses of the key (``Outcome.is_use``). One query for a page of keys.
    """
    first = _hour(now) - 23 * HOUR
    days = {key.pk: LastDay() for key in keys}
    usage = KeyUsage.objects.filter(hour__gte=first, hour__lte=now)
    by_outcome = usage.values_list("key", "hour", "outcome").annotate(Sum("count"))
    rows = (row for batch in batches(days) for row in by_outcome.filter(key__in=batch))
    for key, hour, outcome, count in rows:
        if outcome in REFUSED:
            days[key].refused += count
        if outcome in USES:
            days[key].hours[(hour - first) // HOUR] += count
    return days


def calls_in_last_24_hours(keys: Collection[APIKey], now: datetime) -> dict[int, int]:
    """Return how often each key was used in the last 24 clock hours, by its primary key."""
    return {pk: day.calls for pk, day in last_day(keys, now).items()}


def daily(key: APIKey, now: datetime, days: int = DAYS) -> list[Day]:
    """Return the calls of the last ``days`` days (UTC), today last, refused ones included."""
    today = now.astimezone(UTC).date()
    by_date: dict[date, Counter[str]] = {
        today - timedelta(days=ago): Counter() for ago in reversed(range(days))
    }
    rows = (
        _usage(key, now)
        .filter(hour__gte=_midnight(now) - timedelta(days=days - 1))
        .values_list("hour", "outcome")
        .annotate(Sum("count"))
    )
    for hour, outcome, count in rows:
        by_date[hour.astimezone(UTC).date()][Outcome.stored(outcome)] += count
    return [Day(date, outcomes) for date, outcomes in by_date.items()]


def shares(days: Collection[Day]) -> list[Share]:
    """Return the outcomes that happened within ``days``, in the order in which they are declared."""
    outcomes = sum((day.outcomes for day in days), Counter[str]())
    total = outcomes.total()
    return [
        Share(outcome.label, outcomes[outcome], 100 * outcomes[outcome] / total)
        for outcome in COUNTED
        if outcomes[outcome]
    ]


def recent_callers(key: APIKey, now: datetime) -> Callers:
    """Return who has used ``key`` within the last 24 hours, to the hour."""
    rows = list(
        KeyUsage.objects.filter(key=key, hour__gt=_hour(now) - 24 * HOUR, hour__lte=now, outcome__in=USES)
        .values_list("address")
        .annotate(calls=Sum("count"), last=Max("last_at"))
        .order_by("-calls", "address")
    )
    return Callers(
        calls=sum(calls for _, calls, _ in rows),
        addresses=[(address, calls) for address, calls, _ in rows],
        last_at=max((last for _, _, last in rows), default=None),
    )


def callers(key: APIKey, now: datetime, days: int = DAYS) -> list[Caller]:
    """Return every address that presented ``key`` within ``days`` days, the latest first."""
    rows = (
        _usage(key, now)
        .filter(hour__gt=now - timedelta(days=days))
        .values_list("address", "outcome")
        .annotate(calls=Sum("count"), last=Max("last_at"))
    )
    found: dict[str, Caller] = {}
    for address, stored, calls, last_at in rows:
        outcome = Outcome.stored(stored)
        caller = found.setdefault(address, Caller(address, Counter(), last_at, None))
        caller.outcomes[outcome] += calls
        caller.last_at = max(caller.last_at, last_at)
        if outcome.is_use:
            caller.last_used_at = max(caller.last_used_at or last_at, last_at)
    return sorted(found.values(), key=lambda caller: (caller.last_at, caller.address), reverse=True)


def last_admitted(
    networks: Collection[IPNetwork], seen: Collection[Caller]
) -> list[tuple[IPNetwork, datetime | None]]:
    """Return each network with the time when one of the callers in it last used the key."""
    index = NetworkSet(networks)
    last: dict[IPNetwork, datetime] = {}
    for caller in seen:
        address = parse_address(caller.address)
        if address is None or caller.last_used_at is None:
            continue
        for network in index.containing(address):
            last[network] = max(last.get(network, caller.last_used_at), caller.last_used_at)
    return [(network, last.get(network)) for network in networks]


def refused(key: APIKey, now: datetime, days: int = DAYS, limit: int = 20) -> list[Refusal]:
    """Return the refused calls of the last ``days`` days, the latest first."""
    rows = (
        KeyUsage.objects.filter(key=key, outcome__in=REFUSED, hour__gt=now - timedelta(days=days))
        .values_list("outcome", "address")
        .annotate(calls=Sum("count"), last=Max("last_at"))
        .order_by("-last", "outcome", "address")
    )
    return [
        Refusal(Outcome.stored(outcome).label, address, calls, last)
        for outcome, address, calls, last in rows[:limit]
    ]


def _usage(key: APIKey, now: datetime) -> QuerySet[KeyUsage]:
    """Return the usage of ``key`` until ``now``, without outcomes that a newer release may have stored."""
    return KeyUsage.objects.filter(key=key, hour__lte=now, outcome__in=COUNTED)


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _midnight(moment: datetime) -> datetime:
    return _hour(moment.astimezone(UTC)).replace(hour=0)
