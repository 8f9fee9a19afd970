"""Extrapolates the measurements to 1,000 and 100,000 requests a second; see docs/scaling.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil

from bench.report import Section, table

BUSY = 0.7  # share of a process or core in use: above that, requests wait for each other
LOADS = {1_000: 10_000, 100_000: 1_000_000}  # requests a second, and keys that send them in equal shares
THREADS = 8 + 2  # threads of a process that keep a connection to PostgreSQL
DAYS = 90  # for which usage is kept

Figures = Mapping[str, float]


def _processes(figures: Figures, rate: float, _keys: int) -> float:
    return ceil(rate / (figures["requests/s"] * BUSY))


def _cores(microseconds: float, rate: float) -> float:
    return rate * microseconds / 1e6 / BUSY


ROWS: dict[str, Callable[[Figures, float, int], float]] = {
    "processes": _processes,
    "connections to PostgreSQL": lambda *load: _processes(*load) * THREADS,
    "PostgreSQL's cores for lookups and lists": lambda figures, rate, _: _cores(figures["list"], rate),
    "PostgreSQL's cores for writing usage": lambda figures, rate, _: _cores(figures["written"], rate),
    "rows of usage, million": lambda _figures, _rate, keys: keys * 24 * DAYS / 1e6,
    "Redis's cores for rate limits": lambda figures, rate, _: _cores(figures["Redis"], rate),
    "core minutes of Argon2, all keys once": lambda figures, _, keys: keys * figures["Argon2"] / 60e6,
    "core minutes of Argon2, a restart without Redis": lambda figures, rate, keys: (
        keys * figures["Argon2"] / 60e6 * _processes(figures, rate, keys)
    ),
}


def section(figures: Figures) -> Section:
    head = ["", *(f"{rate:,} requests/s, {keys:,} keys" for rate, keys in LOADS.items())]
    rows = [
        [name, *(_rounded(measure(figures, rate, keys)) for rate, keys in LOADS.items())]
        for name, measure in ROWS.items()
    ]
    return Section("Arithmetic", f"{EXPLANATION}\n\n{table(head, rows)}")


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


EXPLANATION = (
    "What the figures above come to at larger loads, for [scaling.md](scaling.md). `GET /v1/chatbots` with "
    f"50 rows, keys that send equal shares, processes and cores {BUSY:.0%} busy, as many requests from each "
    "process as one manages beside PostgreSQL, Redis and the clients on these cores. Usage is written once a "
    "second by each process, and at these numbers of keys nearly every request of that second has another "
    f"key. Rows of usage are those of one outcome and one address for each key and hour, for {DAYS} days."
)
