"""Rate limits as people write them: ``6000/minute``, or ``off``. Pure."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from math import inf

SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
OFF = "off"
MAX_CALLS = 999_999_999

_RATE = re.compile(rf"([0-9]{{1,{len(str(MAX_CALLS))}}})\s*/\s*({'|'.join(SECONDS)})", re.ASCII)


class InvalidRate(ValueError):
    """The text isn't a rate limit; the message says what one looks like."""


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``calls`` in each window of ``seconds``."""

    calls: int
    seconds: int

    def __str__(self) -> str:
        return f"{self.calls}/{self.unit}"

    @property
    def unit(self) -> str:
        return {seconds: unit for unit, seconds in SECONDS.items()}[self.seconds]


def parse_rate(text: str) -> Rate | None:
    """Return the limit that ``text`` states, or ``None`` for ``off``; raise ``InvalidRate``."""
    cleaned = text.strip().lower()
    if cleaned == OFF:
        return None
    match = _RATE.fullmatch(cleaned)
    if not match or not int(match[1]):
        raise InvalidRate(
            f"“{text[:40]}” is not a rate limit. Write a number from 1 to {MAX_CALLS} and a unit "
            f"({', '.join(SECONDS)}), such as 6000/minute, or {OFF}."
        )
    return Rate(int(match[1]), SECONDS[match[2]])


def lowest(*texts: str) -> str:
    """Return the limit in ``texts`` that allows least; ignore any that is empty or invalid."""
    stated: dict[str, float] = {}
    for text in texts:
        with suppress(InvalidRate):
            rate = parse_rate(text)
            stated[text] = rate.calls / rate.seconds if rate else inf
    return min(stated, key=stated.__getitem__, default="")
