"""Rate limits: a counter for each key and window, in Redis if it's configured.

A window opens with a key's first request. Counting takes one round trip to Redis; without Redis, the
counters are in a dictionary in this process.
"""

from __future__ import annotations

import logging
import math
import time
from functools import cache, lru_cache
from threading import Lock
from typing import NamedTuple

from cachetools import LRUCache
from django.conf import settings
from redis import Redis
from redis.commands.core import Script

from apikeys.auth import shared_cache
from apikeys.auth.credentials import Credential
from apikeys.core.rates import InvalidRate, Rate, parse_rate

SECOND = 1_000_000_000
"""Nanoseconds."""
MAX_KEYS = 50_000
"""Keys whose windows one process keeps; the least recently used ones start over."""

# Atomic: a process that stopped between two commands would leave a counter that never expires.
COUNT = """
local calls = redis.call('INCR', KEYS[1])
if calls == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {calls, redis.call('PTTL', KEYS[1])}
"""
logger = logging.getLogger(__name__)


class Allowance(NamedTuple):
    """What is left of a key's limit: ``remaining`` calls, for another ``seconds``."""

    rate: Rate
    calls: int
    seconds: int

    @property
    def remaining(self) -> int:
        return max(0, self.rate.calls - self.calls)

    @property
    def is_exceeded(self) -> bool:
        return self.calls > self.rate.calls


def count(credential: Credential) -> Allowance | None:
    """Count a request with an accepted key; return ``None`` if the key has no limit."""
    rate = own_rate(credential.rate_limit) if credential.rate_limit else settings.RATE_LIMIT
    if rate is None:
        return None
    redis = shared_cache.redis()
    if redis is None:
        return _windows.count(credential.id, rate)
    return shared_cache.attempt(
        lambda: _count_in_redis(redis, credential.id, rate),
        lambda: _windows.count(credential.id, rate),
        "requests of keys",
    )


@lru_cache(maxsize=1024)
def own_rate(text: str) -> Rate | None:
    """Return the key's own limit, or the default one if the stored text isn't a limit."""
    try:
        return parse_rate(text)
    except InvalidRate:
        logger.error("a key's own rate limit is not valid: %r", text[:40])
        default: Rate | None = settings.RATE_LIMIT
        return default


class Window:
    """A key's calls until ``ends_at``, in nanoseconds of the monotonic clock."""

    __slots__ = ("calls", "ends_at")

    def __init__(self, ends_at: int) -> None:
        self.calls = 0
        self.ends_at = ends_at


class Windows:
    """Counters in this process's memory."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.clear()

    def clear(self) -> None:
        self._open: LRUCache[tuple[int, int], Window] = LRUCache(MAX_KEYS)

    def count(self, key: int, rate: Rate) -> Allowance:
        # Whole numbers: as floats, what is left of a new window can round to more than all of it.
        now = time.monotonic_ns()
        name = (key, rate.seconds)
        with self._lock:
            window = self._open.get(name)
            if window is None or window.ends_at <= now:
                window = self._open[name] = Window(now + rate.seconds * SECOND)
            window.calls += 1
            calls = window.calls
        return Allowance(rate, calls, math.ceil((window.ends_at - now) / SECOND))


_windows = Windows()


def _count_in_redis(redis: Redis, key: int, rate: Rate) -> Allowance:
    calls, milliseconds = _script(redis)([f"wizchat:rate:{key}:{rate.seconds}"], [rate.seconds * 1000])
    return Allowance(rate, int(calls), max(1, math.ceil(int(milliseconds) / 1000)))


@cache
def _script(redis: Redis) -> Script:
    return redis.register_script(COUNT)
