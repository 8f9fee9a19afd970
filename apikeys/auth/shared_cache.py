"""Uses the cache that all processes share, or this process's memory while that cache is down.

Requests in progress when the cache fails wait for it for at most a quarter of a second. Later ones don't
wait: every ``PAUSE`` seconds, a background thread tries the operation of one request on the cache.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import cache
from threading import Lock, Thread
from typing import TypeVar

from django.conf import settings
from redis import Redis

PAUSE = 1.0
"""Seconds between two attempts on a cache that has failed."""

_T = TypeVar("_T")
logger = logging.getLogger(__name__)


class Breaker:
    """A circuit breaker for the cache: closed while it works, open while it fails."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.close()

    def close(self) -> None:
        self._is_open = False
        self._try_at = 0.0

    def attempt(self, shared: Callable[[], _T], local: Callable[[], _T], what: str) -> _T:
        """Return what ``shared`` returns, or ``local`` while the cache fails; ``what`` is for the log."""
        if not self._is_open:
            try:
                return shared()
            except Exception as error:  # whatever the cache's client raises
                self._open(what, error)
        elif self._is_time_to_try():
            Thread(target=self._try, args=(shared,), name="cache-attempt", daemon=True).start()
        return local()

    def _open(self, what: str, error: Exception) -> None:
        with self._lock:
            self._is_open = True
            self._try_at = time.monotonic() + PAUSE
        logger.error("%s are kept in this process alone: %s", what, error)

    def _is_time_to_try(self) -> bool:
        with self._lock:
            now = time.monotonic()
            if now < self._try_at:
                return False
            self._try_at = now + PAUSE
            return True

    def _try(self, shared: Callable[[], object]) -> None:
        try:
            shared()
        except Exception:
            return  # _open has logged the outage
        self.close()
        logger.warning("the shared cache works again")


_breaker = Breaker()
attempt = _breaker.attempt


def redis() -> Redis | None:
    """Return a client of the Redis that processes share; ``None`` if the cache is in this process."""
    location = settings.CACHES["default"]["LOCATION"]
    return client(location) if "://" in location else None


@cache
def client(location: str) -> Redis:
    """Return a client for the Redis at ``location``, with connections of its own, not the cache's."""
    return Redis.from_url(location, **settings.CACHES["default"].get("OPTIONS", {}))
