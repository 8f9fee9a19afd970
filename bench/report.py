"""The samples as docs/benchmarks.md; nothing in it is typed by hand."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

from bench.measure import Samples, spread

VIEWS = {
    "valid": "**WizChat**, valid key",
    "valid, counted": "… with its use counted",
    "valid, expires": "… that expires one day",
    "valid, 100 entries": "… with 100 allowed addresses",
    "revoked": "… revoked",
    "wrong secret": "… wrong secret, past the limit of failures",
    "wrong secret, below": "… wrong secret, below it",
    "unknown id": "… unknown id, past the limit",
    "bad checksum": "… bad checksum, past the limit",
    "token": "**DRF TokenAuthentication**",
    "token, wrong": "… wrong token",
    "knox": "**django-rest-knox**",
    "api-key": "**djangorestframework-api-key**",
    "naive": "**Argon2 on each request**",
    "naive, wrong": "… wrong secret",
}
SIZES = [10, 10_000, 100_000, 1_000_000]
PACKAGES = ["Django", "djangorestframework", "psycopg", "argon2-cffi", "gunicorn", "django-rest-knox",
            "djangorestframework-api-key"]  # fmt: skip


@dataclass
class Target:
    """A figure that was aimed at, and what was measured; ``sign`` is "≤" or "≥"."""

    name: str
    database: str
    measured: float
    sign: str
    limit: float
    unit: str = ""

    @property
    def verdict(self) -> str:
        missed_by = self.measured - self.limit if self.sign == "≤" else self.limit - self.measured
        return "reached" if missed_by <= 0 else f"missed by {self._text(missed_by)}"

    def cells(self) -> list[str]:
        target, measured = f"{self.sign} {self._text(self.limit)}", self._text(self.measured)
        return [self.name, self.database, target, measured, self.verdict]

    def _text(self, value: float) -> str:
        return f"{value:,.{3 if self.limit < 10 else 0}f}{self.unit}"


@dataclass
class Section:
    """What one part of the benchmarks found."""

    title: str
    text: str
    targets: list[Target] = field(default_factory=list)

    def __str__(self) -> str:
        return f"## {self.title}\n\n{self.text}"


def document(sections: list[Section]) -> str:
    targets = table(
        ["", "database", "target", "measured", ""],
        [target.cells() for section in sections for target in section.targets],
    )
    return "\n\n".join([f"## Targets\n\n{targets}", *map(str, sections)]) + "\n"


def tell(what: str) -> None:
    sys.stderr.write(f"… {what}\n")


def report(samples: Samples) -> str:
    databases = list(samples.versions)
    parts = [
        "# Benchmarks",
        "Written by `make bench`, never by hand: everything below was measured in one run.",
        machine(samples),
        "## Figures",
        figures(samples, databases),
        "## Time over a plain view",
        "Microseconds that a view takes longer than the same view without authentication: median of the "
        "rounds (quartiles). Views are called in turn, so that what disturbs one disturbs all. "
        "Each request writes its line in the log, those of the peers too. "
        "PostgreSQL's process is kept on the core of the one that asks it.",
        *(views(samples, database) for database in databases),
        "## Tables of keys",
        "Microseconds over a plain view for a valid key, by the number of keys in the table.",
        sizes(samples, databases),
        "## Over HTTP",
        "One gunicorn process as `make run` starts it, asked by kept-alive connections on the same machine. "
        "The stock view is DRF's own classes with TokenAuthentication, behind the same middleware.",
        server(samples, databases),
        "## Memory",
        "A process with 10,000 warm keys (encoded at the lowest Argon2 cost, to warm them in seconds; a "
        "remembered proof is of one size).",
        memory(samples, databases),
    ]
    return "\n\n".join(parts) + "\n"


def machine(samples: Samples) -> str:
    cpu = next(
        (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")),
        platform.processor(),
    )  # fmt: skip
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    software = [f"Python {platform.python_version()}"]
    software += [f"{name} {number}" for name, number in samples.versions.items()]
    software += [f"{name} {version(name)}" for name in PACKAGES]
    return "\n".join([
        f"- {datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {os.cpu_count()} cores of {cpu}; "
        f"load at the end {load}",
        f"- {', '.join(software)}",
    ])  # fmt: skip


def figures(samples: Samples, databases: list[str]) -> str:
    def over(name: str, base: str) -> Callable[[str], float]:
        return lambda database: (
            median(samples.over_plain(database, name)) / median(samples.over_plain(database, base))
        )

    def requests(database: str) -> float:
        ours, stock = (samples.of(database, f"{name}, requests/s") for name in ("ours", "stock"))
        return median(a / b for a, b in zip(ours, stock, strict=True))

    wanted: list[tuple[str, Callable[[str], float], str, dict[str, float]]] = [
        ("time over a plain view ÷ the same of DRF TokenAuthentication", over("valid", "token"), "≤",
         {"SQLite": 0.18, "PostgreSQL": 0.36}),
        ("the same with its use counted", over("valid, counted", "token"), "≤",
         {"SQLite": 0.22, "PostgreSQL": 0.34}),
        ("wrong secret ÷ valid key", over("wrong secret", "valid"), "≤", dict.fromkeys(databases, 1.2)),
        ("1,000,000 keys ÷ 10 keys", over("valid of 1000000", "valid of 10"), "≤",
         dict.fromkeys(databases, 1.1)),
        ("requests/s of `GET /v1/chatbots` ÷ the stock view", requests, "≥", dict.fromkeys(databases, 1.3)),
    ]  # fmt: skip
    rows = []
    for name, measure, sign, limits in wanted:
        cells = []
        for database in databases:
            value, limit = measure(database), limits[database]
            reached = value <= limit if sign == "≤" else value >= limit
            cells += [f"{value:.2f} ({sign} {limit:.2f}{'' if reached else ', not reached'})"]
        rows.append([name, *cells])
    return table(["", *databases], rows)


def views(samples: Samples, database: str) -> str:
    token = median(samples.over_plain(database, "token"))
    rows = []
    for name, label in VIEWS.items():
        middle, lower, upper = spread(samples.over_plain(database, name))
        rows.append([
            label, f"{middle:,.0f}", f"{lower:,.0f}–{upper:,.0f}", f"{middle / token:.2f}",
            str(samples.round_trips[database, name]),
        ])  # fmt: skip
    return table([database, "µs", "(quartiles)", "÷ DRF token", "round trips"], rows)


def sizes(samples: Samples, databases: list[str]) -> str:
    rows = []
    for database in databases:
        spreads = [spread(samples.over_plain(database, f"valid of {size}")) for size in SIZES]
        rows.append([
            database, *(f"{middle:,.0f} ({lower:,.0f}–{upper:,.0f})" for middle, lower, upper in spreads),
        ])  # fmt: skip
    return table(["", *(f"{size:,} keys" for size in SIZES)], rows)


def server(samples: Samples, databases: list[str]) -> str:
    names = [
        ("ours, requests/s", "`GET /v1/chatbots`, requests/s", 1.0, 0),
        ("stock, requests/s", "the stock view, requests/s", 1.0, 0),
        ("quiet, p95", "one connection with a valid key, p95 in ms", 1000.0, 1),
        ("forged, p95", "… while 50 connections send wrong secrets", 1000.0, 1),
        ("good, p95", "… while 50 connections send valid keys", 1000.0, 1),
    ]
    rows = []
    for name, label, unit, digits in names:
        cells = []
        for database in databases:
            middle, lower, upper = (value * unit for value in spread(samples.of(database, name)))
            cells.append(f"{middle:,.{digits}f} ({lower:,.{digits}f}–{upper:,.{digits}f})")
        rows.append([label, *cells])
    return table(["", *databases], rows)


def memory(samples: Samples, databases: list[str]) -> str:
    rows = []
    for database in databases:
        before, after = (size / 2**20 for size in samples.memory[database])
        rows.append([database, f"{before:.0f} MiB", f"{after:.0f} MiB", f"{after - before:.1f} MiB"])
    return table(["", "before", "after", "for the keys"], rows)


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
