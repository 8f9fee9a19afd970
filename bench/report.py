"""Writes the measurements as docs/benchmarks.md, in which no figure is typed by hand."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median, quantiles

PACKAGES = [
    *["Django", "djangorestframework", "psycopg", "redis", "argon2-cffi", "gunicorn"],
    *["django-ninja", "django-rest-knox", "djangorestframework-api-key"],
]


@dataclass
class Target:
    """A target and the measured figure; ``sign`` is "≤" or "≥"."""

    name: str
    system: str
    measured: float
    sign: str
    limit: float
    unit: str = ""

    @property
    def is_reached(self) -> bool:
        return self.measured <= self.limit if self.sign == "≤" else self.measured >= self.limit

    def cells(self) -> list[str]:
        missed_by = self._text(abs(self.measured - self.limit))
        return [
            self.name,
            self.system,
            f"{self.sign} {self.limit:g}{self.unit}",
            self._text(self.measured),
            "reached" if self.is_reached else f"**missed by {missed_by}**",
        ]

    def _text(self, value: float) -> str:
        return f"{value:,.1f}{self.unit}" if self.unit else f"{value:.3f}"


@dataclass
class Section:
    """The results of one part of the benchmarks."""

    title: str
    text: str
    targets: list[Target] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    """What the arithmetic of ``bench.scaling`` takes from this part, by name."""

    def __str__(self) -> str:
        return f"## {self.title}\n\n{self.text}"


def document(sections: Sequence[Section], services: Sequence[str]) -> str:
    targets = [target for section in sections for target in section.targets]
    reached = sum(target.is_reached for target in targets)
    parts = [
        "# Benchmarks",
        "`make bench` writes this file. Everything below was measured in one run.",
        machine(services),
        "## Targets",
        f"{reached} of {len(targets)} targets are reached.",
        table(["", "on", "target", "measured", ""], (target.cells() for target in targets)),
        *map(str, sections),
    ]
    return "\n\n".join(parts) + "\n"


def machine(services: Sequence[str]) -> str:
    cpu = next(
        (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")),
        platform.processor(),
    )  # fmt: skip
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    software = [f"Python {platform.python_version()}", *services]
    software += [f"{name} {version(name)}" for name in PACKAGES]
    return "\n".join([
        f"- {datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {os.cpu_count()} cores of {cpu}; "
        f"load at the end {load}",
        f"- {', '.join(software)}",
    ])  # fmt: skip


def spread(values: Sequence[float], *, digits: int = 0) -> str:
    """Return the median with the quartiles."""
    lower, _, upper = quantiles(values, n=4)
    return f"{median(values):,.{digits}f} ({lower:,.{digits}f}–{upper:,.{digits}f})"


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def tell(what: str) -> None:
    sys.stderr.write(f"… {what}\n")
