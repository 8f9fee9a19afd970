"""CPU time of this process, and of the processes that PostgreSQL runs for it."""

from __future__ import annotations

import os
from pathlib import Path
from time import process_time

from django.db import connection


class Spent:
    """CPU time since this was created."""

    def __init__(self) -> None:
        self._pids = _backend_pids()
        self._database = _seconds_of(self._pids)
        self._own = process_time()

    def seconds(self) -> list[float]:
        """Return the CPU seconds of this process and of PostgreSQL's; SQLite runs in this process."""
        own = process_time() - self._own
        return [own, _seconds_of(self._pids) - self._database]


def _backend_pids() -> list[int]:
    """Return PostgreSQL's processes whose client has this one's application name (WizChat sets its own)."""
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
