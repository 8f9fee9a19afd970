"""What reaches the database, below Django: by libpq's trace, or SQLite's."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg.pq import Trace


@contextmanager
def round_trips(connection: Any) -> Iterator[list[str]]:
    """Give a list that is full at the end: what each round trip of Django's ``connection`` carried.

    On SQLite that is a statement with its parameters. On PostgreSQL it is what was sent until the server
    had to answer: a health check, BEGIN and the preparing of a statement each count for one.
    """
    connection.ensure_connection()
    trace = _sqlite if connection.vendor == "sqlite" else _postgresql
    seen: list[str] = []
    with trace(connection.connection, seen):
        yield seen


@contextmanager
def _sqlite(driver: Any, seen: list[str]) -> Iterator[None]:
    driver.set_trace_callback(seen.append)
    try:
        yield
    finally:
        driver.set_trace_callback(None)


@contextmanager
def _postgresql(driver: Any, seen: list[str]) -> Iterator[None]:
    with tempfile.TemporaryFile("w+") as file:
        driver.pgconn.trace(file.fileno())
        driver.pgconn.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
        try:
            yield
        finally:
            driver.pgconn.untrace()
            file.seek(0)
            seen += _sent(file.read())


def _sent(trace: str) -> Iterator[str]:
    """Read libpq's trace: a line for each message, with who sent it (F: we), its length, name and text."""
    waiting = []
    for line in trace.splitlines():
        sender, _, message = line.partition("\t")
        if sender != "F":
            continue
        waiting.append(message)
        if message.split("\t")[1] in {"Query", "Sync"}:  # the server answers these
            yield "\n".join(waiting)
            waiting = []
