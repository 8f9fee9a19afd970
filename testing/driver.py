"""Traces what reaches the database below Django, with libpq's or SQLite's trace."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg.pq import Trace


@contextmanager
def round_trips(connection: Any) -> Iterator[list[str]]:
    """Yield a list; at the end of the block it has the content of each round trip of ``connection``.

    On SQLite that is a statement with its parameters. On PostgreSQL it is everything sent until the server
    had to respond: a health check, BEGIN and preparing a statement each count as one.
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
    """Parse libpq's trace: a line per message, with its sender (F for us), length, name and text."""
    waiting = []
    for line in trace.splitlines():
        sender, _, message = line.partition("\t")
        if sender != "F":
            continue
        waiting.append(message)
        if message.split("\t")[1] in {"Query", "Sync"}:  # the server responds to these
            yield "\n".join(waiting)
            waiting = []
