"""Counts the uses of keys in memory and writes them about once a second.

A request costs a few dictionary entries. A thread in each process writes them, and writes the rest at
exit. A process that gets SIGKILL loses the counts that it hasn't written yet.
"""

from __future__ import annotations

import atexit
import logging
import os
import re
from threading import Event, Lock, Thread
from time import monotonic, time
from typing import NamedTuple

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apikeys.auth.requests import noted
from apikeys.core import keyformat
from apikeys.core.metrics import ACCEPTED, REFUSALS, USAGE_LAG
from apikeys.core.networks import IPAddress
from apikeys.core.outcomes import Outcome
from apikeys.models.usage import METHOD_LENGTH, ROUTE_LENGTH, USER_AGENT_LENGTH
from apikeys.usage import store
from apikeys.usage.store import HOUR_SECONDS, Count, LastUse, Row

MAX_ADDRESSES = 100
"""Addresses told apart per key and hour by one process; the others count as ``""``."""
MAX_PENDING = 50_000
"""Rows kept for the next try while they can't be written."""

logger = logging.getLogger(__name__)


class Use(NamedTuple):
    """A use of a key; ``at`` is in seconds since the epoch, ``needed`` a permission or 0."""

    at: float
    ip: IPAddress | None
    user_agent: str
    method: str
    route: str
    needed: int


def record(request: HttpRequest, response: HttpResponseBase) -> None:
    """Count ``request``, now that it is answered, if it presented a key."""
    presented = noted(request)
    if presented is None:
        return
    refusal = presented.refusal
    (REFUSALS[refusal] if refusal else ACCEPTED).inc()
    if presented.pk is None:
        return
    at = time()
    outcome = refusal or Outcome.of_status(response.status_code)
    row = Row(presented.pk, int(at // HOUR_SECONDS), outcome.value, presented.client_ip)
    if not outcome.is_use:
        recorder.add(row, at)
        return
    route = request.resolver_match.route if request.resolver_match else ""
    user_agent = request.META.get("HTTP_USER_AGENT", "")
    recorder.add(
        row,
        at,
        Use(at, presented.client_ip, user_agent, request.method or "", route, presented.needed),
    )


class Recorder:
    """The counts in memory, and the thread that writes them. One per process."""

    def __init__(self) -> None:
        self._start_over()

    def _start_over(self) -> None:
        self._lock = Lock()
        self._writing = Lock()
        self._thread: Thread | None = None
        self._exiting = Event()
        self._written_at = monotonic()
        self.clear()

    def after_fork(self) -> None:
        """Start over in a forked process: the counts belong to the parent, and its locks may be held."""
        self._start_over()

    def clear(self) -> None:
        """Forget the counts that aren't written yet."""
        self._counts: dict[Row, Count] = {}
        self._uses: dict[int, Use] = {}
        self._first_uses: dict[int, float] = {}
        self._needed: dict[tuple[int, int], float] = {}
        self._addresses: dict[tuple[int, int], set[str]] = {}

    def add(self, row: Row, at: float, use: Use | None = None) -> None:
        with self._lock:
            count = self._counts.get(row)
            if count is None:
                self._counts[row] = Count(1, at)
            else:
                count.calls += 1
                count.last_at = at
            if use is not None:
                self._uses[row.key] = use
                self._first_uses.setdefault(row.key, at)
                if use.needed:
                    self._needed[row.key, use.needed] = at
        if self._thread is None:
            self._start()

    def flush(self) -> None:
        """Write the counts; if the database raises, keep them for the next try and re-raise."""
        with self._writing:
            with self._lock:
                counts, self._counts = self._counts, {}
                uses, self._uses = self._uses, {}
                first_uses, self._first_uses = self._first_uses, {}
                needed, self._needed = self._needed, {}
            counts = self._fold(counts)
            try:
                if uses:
                    # First: whoever sees that the new key was used also sees the old key's 24 hours running.
                    store.note_first_uses(first_uses)
                if counts:
                    store.add_counts(counts)
                    counts = {}
                if uses:
                    store.set_last_uses({key: _as_text(use) for key, use in uses.items()})
                    store.set_needed(needed)
            except BaseException:
                self._keep(counts, uses, first_uses, needed)
                raise

    def _fold(self, counts: dict[Row, Count]) -> dict[Row, Count]:
        """Return ``counts`` with addresses as text; those past the limit are added up under ``""``."""
        this_hour = int(time() // HOUR_SECONDS)
        self._addresses = {key: seen for key, seen in self._addresses.items() if key[1] >= this_hour - 1}
        folded: dict[Row, Count] = {}
        for row, count in counts.items():
            address = "" if row.address is None else str(row.address)
            seen = self._addresses.setdefault((row.key, row.hour), {""})
            if address in seen or len(seen) <= MAX_ADDRESSES:
                seen.add(address)
            else:
                address = ""
            folded.setdefault(row._replace(address=address), Count()).add(count)
        return folded

    def _keep(
        self,
        counts: dict[Row, Count],
        uses: dict[int, Use],
        first_uses: dict[int, float],
        needed: dict[tuple[int, int], float],
    ) -> None:
        with self._lock:
            self._uses = uses | self._uses
            self._first_uses = self._first_uses | first_uses
            self._needed = needed | self._needed
            for row, count in counts.items():
                if row in self._counts or len(self._counts) < MAX_PENDING:
                    self._counts.setdefault(row, Count()).add(count)
                else:
                    logger.error("usage that could not be stored is dropped: %s %s", row, count.calls)

    def _start(self) -> None:
        """Start the thread at the first count, so never before a fork; tests run without it."""
        with self._lock:
            if self._thread is not None or not settings.USAGE_FLUSH_SECONDS:
                return
            self._written_at = monotonic()
            self._thread = Thread(target=self._run, name="usage", daemon=True)
        self._thread.start()
        atexit.register(self._finish)

    def _run(self) -> None:
        while not self._exiting.wait(settings.USAGE_FLUSH_SECONDS):
            # Closes a connection that is unusable or too old; the next query opens a new one.
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
            # While the database is down this is logged every second, so leave out the traceback.
            unexpected = not isinstance(error, DatabaseError)
            logger.error("usage is kept for the next try: %s", error, exc_info=unexpected)
        else:
            self._written_at = monotonic()


def _as_text(use: Use) -> LastUse:
    """Return ``use`` as it is stored: no control characters, no key, bounded lengths."""
    printable = "".join(character for character in use.user_agent if character.isprintable())
    return LastUse(
        at=use.at,
        ip=str(use.ip or ""),
        user_agent=keyformat.redact(printable)[:USER_AGENT_LENGTH],
        method=use.method[:METHOD_LENGTH],
        route=readable(use.route),
    )


def readable(route: str) -> str:
    """Return a route such as ``v1/chatbots/<uuid:pk>`` as people write it: ``/v1/chatbots/{pk}``."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", f"/{route}")[:ROUTE_LENGTH]


recorder = Recorder()
flush = recorder.flush

os.register_at_fork(after_in_child=recorder.after_fork)
