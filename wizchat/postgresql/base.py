"""Django's PostgreSQL, for which nobody waits for ever.

The statement timeout is kept by the server. One that is frozen, or whose disk hangs, does not come
to it, while its system confirms whatever arrives, so that TCP sees no fault.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Self, TypeVar

import psycopg
from django.db.backends.postgresql import base
from psycopg import waiting
from psycopg.abc import PQGen
from psycopg.errors import _WaitTimeout  # what `wait` is documented to raise, without a public name

T = TypeVar("T")


class Connection(psycopg.Connection[Any]):
    """A connection that is closed when an answer is not complete after ``patience`` seconds."""

    patience: float

    @classmethod
    def connect(cls, conninfo: str = "", **options: Any) -> Self:
        patience = options.pop("patience")
        connection = super().connect(conninfo, **options)
        connection.patience = patience
        return connection

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Return what the server answers: statements, commits and rollbacks all wait here.

        What psycopg's own method adds to this, a cancellation on Ctrl-C, no thread of a server can
        use, and each statement would pay for.
        """
        limit = self.patience if timeout is None else timeout
        try:
            return waiting.wait(gen, self.pgconn.socket, interval, limit)
        except _WaitTimeout:
            if timeout is not None:
                raise
            self.close()  # takes leave of the server without waiting for it
            raise psycopg.OperationalError(f"no answer within {self.patience} seconds") from None


class DatabaseWrapper(base.DatabaseWrapper):
    Database = SimpleNamespace(  # type: ignore[assignment]  # as good as the module: it has its names
        **{name: getattr(psycopg, name) for name in psycopg.__all__} | {"connect": Connection.connect}
    )
