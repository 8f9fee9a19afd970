"""Failed authentications, counted per client address, so that guessing is not free.

The counter only ever turns a 401 into a 429: a genuine key never meets it.
"""

from __future__ import annotations

import logging
import math
import time
from ipaddress import IPv6Address, IPv6Network

from django.conf import settings
from django.core.cache import BaseCache, caches

from apikeys.auth import shared_cache
from apikeys.core.networks import IPAddress
from wizchat.api import catalogue
from wizchat.api.errors import APIError

WINDOW = 60
"""Seconds from an address's first failure until its count starts over."""

logger = logging.getLogger(__name__)


class TooManyFailures(APIError):
    """An address has failed too often; ``wait`` is in seconds."""

    def __init__(self, wait: int) -> None:
        super().__init__(catalogue.TOO_MANY_FAILURES, headers={"Retry-After": str(wait)})


def count(client_ip: IPAddress | None) -> None:
    """Count a failure from ``client_ip``; raise ``TooManyFailures`` past the limit.

    Past it a failure costs one question to the cache: a flood shall cost no more than good keys do.
    """
    address = bucket(client_ip)
    wait, news = _count(f"auth-failures:{address}")
    if news:
        logger.warning(
            "too many failed authentications from %s: for %d s they are answered 429", address, wait
        )
    if wait:
        raise TooManyFailures(wait)


def bucket(client_ip: IPAddress | None) -> str:
    """Return whom a failure is counted against: an IPv4 address or an IPv6 /64."""
    if isinstance(client_ip, IPv6Address):
        return str(IPv6Network((client_ip, 64), strict=False).network_address)
    return str(client_ip)


def _count(name: str) -> tuple[int, bool]:
    return shared_cache.count(
        lambda: _count_in(caches["failed_attempts"], name),
        lambda: _count_in(caches["local"], name),
        "failed authentications",
    )


def _count_in(cache: BaseCache, name: str) -> tuple[int, bool]:
    """Return the seconds to wait, 0 within the limit, and whether it was this failure that passed it."""
    now = time.time()
    limited_until = cache.get(f"{name}:limited", now)
    if limited_until > now:
        return math.ceil(limited_until - now), False
    started_at = cache.get_or_set(f"{name}:window", int(now), timeout=WINDOW) or int(now)
    if _increment(cache, f"{name}:{started_at}") <= settings.AUTH_FAILURES_PER_MINUTE:
        return 0, False
    wait = max(1, started_at + WINDOW - int(now))
    cache.set(f"{name}:limited", now + wait, timeout=wait)
    return wait, True


def _increment(cache: BaseCache, counter: str) -> int:
    try:
        return cache.incr(counter)
    except ValueError:
        # The counter outlives its window: it never expires between the two calls.
        cache.add(counter, 0, timeout=2 * WINDOW)
        return cache.incr(counter)
