"""Django's PostgreSQL backend: nothing waits forever, and checking a connection costs no round trip.

PostgreSQL enforces the statement timeout itself. A server that is frozen, or whose disk hangs, can't,
and because its kernel still acknowledges packets, TCP sees no fault.

This is the only module that uses internals of psycopg and of Django's backend (decision 31).
"""

from __future__ import annotations

import select
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, Self, TypeVar

import psycopg
from django.db.backends.postgresql import base
from psycopg import waiting
from psycopg.abc import PQGen
from psycopg.errors import _WaitTimeout  # what `wait` is documented to raise, without a public name

CHECKED_AGAINST = {"psycopg": "3.3.9", "Django": "5.2.19"}
"""The releases whose internals were read; a test fails for any other, until someone reads them again."""

CANCEL_SECONDS = 2
"""Seconds that a cancel request may take, and then the statement's end."""

T = TypeVar("T")


class Connection(psycopg.Connection[Any]):
    """A connection that gives up on a statement after ``patience`` seconds; ``None`` waits forever."""

    patience: float | None
    cancels: bool

    @classmethod
    def connect(cls, conninfo: str = "", **options: Any) -> Self:
        """Connect; with ``cancels``, giving up on a statement also cancels it on the server."""
        patience, cancels = options.pop("patience", None), options.pop("cancels", False)
        connection = super().connect(conninfo, **options)
        connection.patience, connection.cancels = patience, cancels
        return connection

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Return the server's result: statements, commits and rollbacks all wait here.

        psycopg's own method also cancels on Ctrl-C. Only commands need that, and they have no limit;
        the server's threads would pay for it with each statement.
        """
        if timeout is not None or self.patience is None:
            return super().wait(gen, interval, timeout)
        try:
            return waiting.wait(gen, self.pgconn.socket, interval, self.patience)
        except _WaitTimeout:
            return self._give_up(gen, interval)

    def _give_up(self, gen: PQGen[T], interval: float) -> T:
        try:
            if self.cancels:
                # If we only closed the connection, a pooler's own would run the statement to its end.
                with suppress(psycopg.Error):
                    self.cancel_safe(timeout=CANCEL_SECONDS)
                return waiting.wait(gen, self.pgconn.socket, interval, CANCEL_SECONDS)
        except _WaitTimeout:
            pass
        self.close()  # does not wait for the server
        raise psycopg.OperationalError(f"no answer within {self.patience} seconds") from None

    def is_silent(self) -> bool:
        """Return whether nothing has arrived on this idle connection, not even its end.

        PostgreSQL and poolers send a message or close the connection when they stop; this notices both.
        """
        poll = select.poll()
        poll.register(self.pgconn.socket, select.POLLIN)
        return not poll.poll(0)


class DatabaseWrapper(base.DatabaseWrapper):
    Database = SimpleNamespace(  # type: ignore[assignment]  # as good as the module: it has its names
        **{name: getattr(psycopg, name) for name in psycopg.__all__} | {"connect": Connection.connect}
    )

    def is_usable(self) -> bool:
        """Return whether the connection can take a request; Django calls this before each one.

        Django's own check is ``SELECT 1``, a second round trip for each request.
        """
        return self.connection is not None and not self.connection.closed and self.connection.is_silent()
