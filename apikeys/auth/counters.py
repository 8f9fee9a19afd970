"""Fixed windows that count what a client does, in the cache that all processes share.

While that cache fails, each process counts for itself: a limit does not vanish with the cache.
"""

from __future__ import annotations

import math
import time
from ipaddress import IPv6Address, IPv6Network
from typing import NamedTuple

from django.core.cache import BaseCache, caches

from apikeys.auth import shared_cache
from apikeys.core.networks import IPAddress


class Count(NamedTuple):
    """``wait`` is in seconds, 0 within the limit; ``is_first`` is true of the one that passed it."""

    wait: int
    is_first: bool


def bucket(client_ip: IPAddress | None) -> str:
    """Return whom to count against: an IPv4 address or an IPv6 /64."""
    if isinstance(client_ip, IPv6Address):
        return str(IPv6Network((client_ip, 64), strict=False).network_address)
    return str(client_ip)


def count(name: str, *, limit: int, seconds: int, what: str) -> Count:
    """Count one of at most ``limit`` in the window of ``seconds`` that begins with the first.

    Over the limit this takes one cache call: a flood must cost no more than good use.
    """
    return shared_cache.attempt(
        lambda: _count_in(caches["failed_attempts"], name, limit, seconds),
        lambda: _count_in(caches["local"], name, limit, seconds),
        what,
    )


def _count_in(cache: BaseCache, name: str, limit: int, seconds: int) -> Count:
    now = time.time()
    limited_until = cache.get(f"{name}:limited", now)
    if limited_until > now:
        return Count(math.ceil(limited_until - now), is_first=False)
    started_at = cache.get_or_set(f"{name}:window", int(now), timeout=seconds) or int(now)
    if _increment(cache, f"{name}:{started_at}", seconds) <= limit:
        return Count(0, is_first=False)
    wait = max(1, started_at + seconds - int(now))
    cache.set(f"{name}:limited", now + wait, timeout=wait)
    return Count(wait, is_first=True)


def _increment(cache: BaseCache, counter: str, seconds: int) -> int:
    try:
        return cache.incr(counter)
    except ValueError:
        # The counter outlives its window: it never expires between the two calls.
        cache.add(counter, 0, timeout=2 * seconds)
        return cache.incr(counter)
