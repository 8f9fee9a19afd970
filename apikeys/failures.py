"""Failed authentications, counted per client address, so that guessing is not free.

The counter only ever turns a 401 into a 429: a genuine key never meets it.
"""

from __future__ import annotations

import logging
import time
from ipaddress import IPv6Address, IPv6Network

from django.conf import settings
from django.core.cache import BaseCache, caches
from rest_framework.exceptions import Throttled

from apikeys.networks import IPAddress

RETRY_CACHE_AFTER = 5
"""Seconds for which a shared cache that has failed is left alone: nobody waits for it in vain."""

WINDOW = 60
"""Seconds from an address's first failure until its count starts anew."""

logger = logging.getLogger(__name__)
_retry_at = 0.0


class TooManyFailures(Throttled):
    """An address has failed too often; ``wait`` is in seconds."""

    wait: int


def count(client_ip: IPAddress | None) -> None:
    """Count a failure from ``client_ip``; raise ``TooManyFailures`` past the limit."""
    failures, wait = _count(f"auth-failures:{bucket(client_ip)}")
    if failures > settings.AUTH_FAILURES_PER_MINUTE:
        raise TooManyFailures(wait)


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
