"""Processor time: of this process, and of those that PostgreSQL runs for it."""

from __future__ import annotations

import os
from pathlib import Path
from time import process_time

from django.db import connection


class Spent:
    """Counts from the moment it is made."""

    def __init__(self) -> None:
        self._pids = _backend_pids()
        self._database = _seconds_of(self._pids)
        self._own = process_time()

    def seconds(self) -> list[float]:
        """Return what this process has spent, and PostgreSQL's: nothing on SQLite, which runs in this one."""
        own = process_time() - self._own
        return [own, _seconds_of(self._pids) - self._database]


def _backend_pids() -> list[int]:
    """Return the processes of PostgreSQL whose client has the name of this one (WizChat sets its own)."""
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = %s", [os.environ["PGAPPNAME"]]
        )
        pids = [pid for (pid,) in cursor.fetchall()]
    assert pids, "this process's own connection has another application_name"
    return pids


def _seconds_of(pids: list[int]) -> float:
    return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in pids) / 1e9
