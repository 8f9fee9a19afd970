"""Splits lists that are too long for one SQL statement. Pure: no Django."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Value = TypeVar("Value")

PER_STATEMENT = 500
"""PostgreSQL takes at most 65,535 parameters in a statement, SQLite some tens of thousands."""


def batches(values: Iterable[Value], size: int | None = None) -> Iterator[list[Value]]:
    """Yield ``values`` in lists of ``size``, by default few enough for one statement."""
    rest = iter(values)
    while batch := list(islice(rest, size or PER_STATEMENT)):
        yield batch
