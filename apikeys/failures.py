"""Failed authentications, counted per client address, so that guessing is not free.

The counter only ever turns a 401 into a 429: a genuine key never meets it.
"""

from __future__ import annotations

import logging
import math
import time
from http import HTTPStatus
from ipaddress import IPv6Address, IPv6Network

from django.conf import settings
from django.core.cache import BaseCache, caches
from rest_framework.exceptions import APIException

from apikeys.metrics import REFUSED
from apikeys.networks import IPAddress

RETRY_CACHE_AFTER = 5
"""Seconds for which a shared cache that has failed is left alone: nobody waits for it in vain."""

WINDOW = 60
"""Seconds from an address's first failure until its count starts anew."""

MAX_LIMITED = 10_000
"""Addresses past their limit that a process remembers without asking the cache."""

logger = logging.getLogger(__name__)
_retry_at = 0.0
_limited_until: dict[str, float] = {}


class TooManyFailures(APIException):
    """An address has failed too often; ``wait`` is in seconds."""

    status_code = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, wait: int) -> None:
        super().__init__()
        self.wait = wait


def count(client_ip: IPAddress | None) -> None:
    """Count a failure from ``client_ip``; raise ``TooManyFailures`` past the limit.

    A flood of failures is one line in the log, and not one question to the cache: it shall
    neither fill a disk nor cost more than good keys do.
    """
    address = bucket(client_ip)
    now = time.time()
    until = _limited_until.get(address, now)
    if now < until:
        REFUSED["limited"].inc()
        raise TooManyFailures(math.ceil(until - now))
    failures, wait = _count(f"auth-failures:{address}")
    if failures > settings.AUTH_FAILURES_PER_MINUTE:
        REFUSED["limited"].inc()
        logger.warning("too many failed authentications from %s: the next %d s go unlogged", address, wait)
        _limit(address, now + wait)
        raise TooManyFailures(wait)


def _limit(address: str, until: float) -> None:
    """Remember in this process that ``address`` has failed too often in the present window."""
    if len(_limited_until) >= MAX_LIMITED:
        _limited_until.clear()  # nothing is lost: the cache still counts
    _limited_until[address] = until


def bucket(client_ip: IPAddress | None) -> str:
    """Return whom a failure is counted against: an IPv4 address or an IPv6 /64."""
    if isinstance(client_ip, IPv6Address):
        return str(IPv6Network((client_ip, 64), strict=False).network_address)
    return str(client_ip)


def _count(name: str) -> tuple[int, int]:
    """Count in the shared cache, or in this process alone while that one fails."""
    global _retry_at
    if time.monotonic() >= _retry_at:
        try:
            return _increment(caches["default"], name)
        except Exception as error:
            # Whatever the cache's client raises.
            _retry_at = time.monotonic() + RETRY_CACHE_AFTER
            logger.error("failed authentications are counted in this process alone: %s", error)
    return _increment(caches["local"], name)


def _increment(cache: BaseCache, name: str) -> tuple[int, int]:
    """Return the failures in the present window, and the seconds that are left of it."""
    now = int(time.time())
    started_at = cache.get_or_set(f"{name}:window", now, timeout=WINDOW) or now
    counter = f"{name}:{started_at}"
    try:
        failures = cache.incr(counter)
    except ValueError:
        # The counter outlives its window: it never expires between the two calls.
        cache.add(counter, 0, timeout=2 * WINDOW)
        failures = cache.incr(counter)
    return failures, max(1, started_at + WINDOW - now)
