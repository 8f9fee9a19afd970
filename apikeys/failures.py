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

WINDOW = 60
"""Seconds from an address's first failure until its count starts anew."""

logger = logging.getLogger(__name__)


class TooManyFailures(Throttled):
    """An address has failed too often; ``wait`` is in seconds."""

    wait: int


def count(client_ip: IPAddress | None) -> None:
    """Count a failure from ``client_ip``; raise ``TooManyFailures`` past the limit."""
    name = f"auth-failures:{bucket(client_ip)}"
    try:
        failures, wait = _increment(caches["default"], name)
    except Exception:
        # Whatever the shared cache's client raises: count in this process until it is back.
        logger.exception("the cache does not count failed authentications")
        failures, wait = _increment(caches["local"], name)
    if failures > settings.AUTH_FAILURES_PER_MINUTE:
        raise TooManyFailures(wait)


def bucket(client_ip: IPAddress | None) -> str:
    """Return whom a failure is counted against: an IPv4 address or an IPv6 /64."""
    if isinstance(client_ip, IPv6Address):
        return str(IPv6Network((client_ip, 64), strict=False).network_address)
    return str(client_ip)


def _increment(cache: BaseCache, name: str) -> tuple[int, int]:
    """Return the failures in the present window, and the seconds that are left of it."""
    now = int(time.time())
    started_at = cache.get_or_set(f"{name}:window", now, timeout=WINDOW) or now
    counter = f"{name}:{started_at}"
    # The counter outlives its window: it never expires between the two calls.
    cache.add(counter, 0, timeout=2 * WINDOW)
    return cache.incr(counter), max(1, started_at + WINDOW - now)
