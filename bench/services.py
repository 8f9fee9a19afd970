"""The run's own PostgreSQL, Redis and SQLite files."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import ExitStack
from functools import cached_property
from itertools import count
from pathlib import Path

from redis import Redis as Client

from testing.services import Postgres, Redis


class Services(ExitStack):
    """Creates databases; ``databases`` names the systems to measure.

    A quick run measures only SQLite. ``shared`` is the system for several processes.
    """

    def __init__(self, *, quick: bool) -> None:
        super().__init__()
        self.quick = quick
        self.databases = ["SQLite"] if quick else ["SQLite", "PostgreSQL"]
        self.shared = self.databases[-1]
        self._numbers = count(1)

    @cached_property
    def folder(self) -> Path:
        return Path(self.enter_context(tempfile.TemporaryDirectory(prefix="wizchat-bench-")))

    @cached_property
    def redis(self) -> str:
        """Return the URL of a Redis."""
        redis = Redis()
        self.callback(redis.close)
        return redis.start().url

    @cached_property
    def _postgres(self) -> Postgres:
        postgres = Postgres()
        self.callback(postgres.close)
        return postgres.start()

    def database(self, system: str) -> str:
        """Return the URL of a new and empty database."""
        name = f"bench_{next(self._numbers)}"
        if system == "SQLite":
            return f"sqlite:///{self.folder}/{name}.sqlite3"
        with self._postgres.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self._postgres.url.replace("/wizchat", f"/{name}")

    def versions(self) -> list[str]:
        """Return the name and version of each service that was used."""
        used = [f"SQLite {sqlite3.sqlite_version}"]
        if "_postgres" in self.__dict__:
            with self._postgres.connect("postgres") as connection:
                used.append(f"PostgreSQL {connection.info.parameter_status('server_version')}")
        if "redis" in self.__dict__:
            with Client.from_url(self.redis) as client:
                used.append(f"Redis {client.info('server')['redis_version']}")
        return used

    def metrics_folder(self) -> str:
        """Return a folder where a server's processes share their metrics, as in production."""
        return tempfile.mkdtemp(prefix="metrics-", dir=self.folder)
