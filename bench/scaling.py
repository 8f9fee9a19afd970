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
    "PostgreSQL cores for lookups and lists": lambda figures, rate, _: _cores(figures["list"], rate),
    "PostgreSQL cores for writing usage": lambda figures, rate, _: _cores(figures["written"], rate),
    "usage rows, millions": lambda _figures, _rate, keys: keys * 24 * DAYS / 1e6,
    "Redis cores for rate limits": lambda figures, rate, _: _cores(figures["Redis"], rate),
    "Argon2 core minutes, every key once": lambda figures, _, keys: keys * figures["Argon2"] / 60e6,
    "Argon2 core minutes, a restart without Redis": lambda figures, rate, keys: (
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
    "The figures above, extrapolated to larger loads for [scaling.md](scaling.md): `GET /v1/chatbots` with "
    f"50 rows, keys that send equal shares of the requests, and processes and cores that are {BUSY:.0%} "
    "busy. A process serves as many requests a second as one did above, where it shared the cores with "
    "PostgreSQL, Redis and the clients. Each process writes usage once a second. With this many keys, "
    "nearly every request within that second has a different key. Usage rows assume one outcome and one "
    f"address per key and hour, kept for {DAYS} days."
)
