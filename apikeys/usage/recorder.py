"""The only writer of usage: what keys were presented for is counted here, and stored later.

A request costs a few dictionary entries; a thread of each process writes them about once a
second, and what is left at exit. Rows are added to, never set, so that processes cannot lose
each other's counts. What a process has counted and not yet written dies with a SIGKILL.
"""

from __future__ import annotations

import atexit
import logging
import os
import re
from datetime import UTC, datetime
from threading import Event, Lock, Thread
from time import monotonic, time
from typing import Any, NamedTuple

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection, connections, transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apikeys.core import keyformat
from apikeys.core.metrics import USAGE_LAG
from apikeys.core.networks import IPAddress
from apikeys.models import USER_AGENT_LENGTH, APIKey, KeyUsage

HOUR = 3600
MAX_ADDRESSES = 100
"""Addresses told apart per key and hour by one process; the others count as ``""``."""
MAX_PENDING = 50_000
"""Rows kept for the next try while the database does not take them."""
BATCH = 1000
"""Rows sent at a time: PostgreSQL's answer to so many is waited for as to one statement."""

Outcome = KeyUsage.Outcome
logger = logging.getLogger(__name__)


class Row(NamedTuple):
    """What one count is of; ``hour`` is in hours since the epoch."""

    key: int
    hour: int
    outcome: str
    address: IPAddress | str | None


class Use(NamedTuple):
    """A use of a key; ``at`` is in seconds since the epoch."""

    at: float
    address: IPAddress | None
    user_agent: str
    method: str
    route: str


def note(request: HttpRequest, key: int, address: IPAddress | None, refusal: str = "") -> None:
    """Mark ``request`` as one that presented a genuine ``key``, and why that was refused, if it was."""
    request.key_noted = key, address, refusal  # type: ignore[attr-defined]  # ours; read below


def record(request: HttpRequest, response: HttpResponseBase) -> None:
    """Count ``request``, now that it is answered, if it presented a key."""
    noted = getattr(request, "key_noted", None)
    if noted is None:
        return
    key, address, refusal = noted
    at = time()
    row = Row(key, int(at // HOUR), refusal or outcome_of(response.status_code), address)
    if refusal:
        recorder.add(row, at)
        return
    route = request.resolver_match.route if request.resolver_match else ""
    user_agent = request.META.get("HTTP_USER_AGENT", "")
    recorder.add(row, at, Use(at, address, user_agent, request.method or "", route))


def outcome_of(status: int) -> str:
    """Return what an answer to a key that authenticated comes to, as it is stored."""
    if status < 400:
        return Outcome.ANSWERED.value
    if status >= 500:
        return Outcome.SERVER_ERROR.value
    return {403: Outcome.PERMISSION, 429: Outcome.RATE_LIMITED}.get(status, Outcome.CLIENT_ERROR).value


class Recorder:
    """Counts in memory, and the thread that writes them. One per process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._writing = Lock()
        self._thread: Thread | None = None
        self._exiting = Event()
        self._written_at = monotonic()
        self.clear()

    def clear(self) -> None:
        """Forget what is not written yet."""
        self._counts: dict[Row, list[float]] = {}
        self._uses: dict[int, Use] = {}
        self._addresses: dict[tuple[int, int], set[str]] = {}

    def add(self, row: Row, at: float, use: Use | None = None) -> None:
        with self._lock:
            count = self._counts.get(row)
            if count is None:
                self._counts[row] = [1, at]
            else:
                count[0] += 1
                count[1] = at
            if use is not None:
                self._uses[row.key] = use
        if self._thread is None:
            self._start()

    def flush(self) -> None:
        """Write what is counted; raise what the database raises, the counts kept for the next try."""
        with self._writing:
            with self._lock:
                counts, self._counts = self._counts, {}
                uses, self._uses = self._uses, {}
            counts = self._fold(counts)
            try:
                if counts:
                    _write_counts(counts)
                    counts = {}
                if uses:
                    _write_uses(uses)
            except BaseException:
                self._keep(counts, uses)
                raise

    def _fold(self, counts: dict[Row, list[float]]) -> dict[Row, list[float]]:
        """Return ``counts`` with addresses as text, those past the limit added up under ``""``."""
        this_hour = int(time() // HOUR)
        self._addresses = {key: seen for key, seen in self._addresses.items() if key[1] >= this_hour - 1}
        folded: dict[Row, list[float]] = {}
        for row, count in counts.items():
            address = "" if row.address is None else str(row.address)
            seen = self._addresses.setdefault((row.key, row.hour), {""})
            if address in seen or len(seen) <= MAX_ADDRESSES:
                seen.add(address)
            else:
                address = ""
            _merge(folded, row._replace(address=address), count)
        return folded

    def _keep(self, counts: dict[Row, list[float]], uses: dict[int, Use]) -> None:
        with self._lock:
            self._uses = uses | self._uses
            for row, count in counts.items():
                if row in self._counts or len(self._counts) < MAX_PENDING:
                    _merge(self._counts, row, count)
                else:
                    logger.error("usage that could not be stored is dropped: %s %s", row, count[0])

    def _start(self) -> None:
        """Start the thread, in the process that counts: not in one that will fork, nor in tests."""
        with self._lock:
            if self._thread is not None or not settings.USAGE_FLUSH_SECONDS:
                return
            self._written_at = monotonic()
            self._thread = Thread(target=self._run, name="usage", daemon=True)
        self._thread.start()
        atexit.register(self._finish)

    def _run(self) -> None:
        while not self._exiting.wait(settings.USAGE_FLUSH_SECONDS):
            # A connection that the database has dropped, or that is old, is opened anew.
            close_old_connections()
            self._try_to_flush()
        connections.close_all()

    def _finish(self) -> None:
        self._exiting.set()
        self._try_to_flush()
        connections.close_all()

    def _try_to_flush(self) -> None:
        USAGE_LAG.set(monotonic() - self._written_at)
        try:
            self.flush()
        except Exception as error:
            # A database that is away says the same each second: that needs no traceback.
            unexpected = not isinstance(error, DatabaseError)
            logger.error("usage is kept for the next try: %s", error, exc_info=unexpected)
        else:
            self._written_at = monotonic()


def _merge(counts: dict[Row, list[float]], row: Row, count: list[float]) -> None:
    known = counts.setdefault(row, [0, 0.0])
    known[0] += count[0]
    known[1] = max(known[1], count[1])


def _write_counts(counts: dict[Row, list[float]]) -> None:
    """Add ``counts`` to the table; those of keys that are gone meanwhile come to nothing."""
    usage, keys = KeyUsage._meta.db_table, APIKey._meta.db_table
    statement = f"""
        INSERT INTO {usage} (key_id, hour, outcome, address, count, last_at)
        SELECT id, %s, %s, %s, %s, %s FROM {keys} WHERE id = %s
        ON CONFLICT (key_id, hour, outcome, address) DO UPDATE SET
            count = {usage}.count + excluded.count,
            last_at = CASE WHEN {usage}.last_at < excluded.last_at
                THEN excluded.last_at ELSE {usage}.last_at END
    """  # noqa: S608  # names of tables
    # In one order in every process, so that two of them never wait for each other.
    rows = [
        (_stored(row.hour * HOUR), row.outcome, str(row.address), int(count), _stored(at), row.key)
        for row, (count, at) in sorted(counts.items())
    ]
    _execute(statement, rows)


def _write_uses(uses: dict[int, Use]) -> None:
    """Set the last use of keys, unless a later one is stored already."""
    statement = f"""
        UPDATE {APIKey._meta.db_table} SET last_used_at = %s, last_used_address = %s,
            last_used_user_agent = %s, last_used_method = %s, last_used_route = %s
        WHERE id = %s AND (last_used_at IS NULL OR last_used_at < %s)
    """  # noqa: S608  # the name of a table
    rows = [
        (
            at := _stored(use.at),
            str(use.address or ""),
            _user_agent(use),
            use.method[:10],
            _path(use),
            key,
            at,
        )
        for key, use in sorted(uses.items())
    ]
    _execute(statement, rows)


def _execute(statement: str, rows: list[tuple[Any, ...]]) -> None:
    """Execute ``statement`` with all ``rows`` or with none."""
    with transaction.atomic(), connection.cursor() as cursor:
        for start in range(0, len(rows), BATCH):
            cursor.executemany(statement, rows[start : start + BATCH])


def _stored(at: float) -> Any:
    """Return a time as the database's driver wants it."""
    return connection.ops.adapt_datetimefield_value(datetime.fromtimestamp(at, UTC))


def _user_agent(use: Use) -> str:
    """Return the user agent without what no one should see: control characters, or a key."""
    printable = "".join(character for character in use.user_agent if character.isprintable())
    return keyformat.redact(printable)[:USER_AGENT_LENGTH]


def _path(use: Use) -> str:
    """Return a route, ``v1/chatbots/<uuid:pk>``, as people write it, ``/v1/chatbots/{pk}``."""
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", use.route)[:199]


recorder = Recorder()
flush = recorder.flush


def _begin_anew() -> None:
    """Leave to the parent process what it has counted, and its thread."""
    recorder.__init__()  # type: ignore[misc]  # the locks, too, may be held by a thread that is no more


os.register_at_fork(after_in_child=_begin_anew)
