"""Fixed-window counters per client, in the cache that all processes share.

While the cache is down, each process keeps its own counts, so that the limits still apply.
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
    """``wait`` is in seconds, 0 within the limit; ``is_first`` marks the first event over the limit."""

    wait: int
    is_first: bool


def bucket(client_ip: IPAddress | None) -> str:
    """Return the client to count against: an IPv4 address or an IPv6 /64 network."""
    if isinstance(client_ip, IPv6Address):
        return str(IPv6Network((client_ip, 64), strict=False).network_address)
    return str(client_ip)


def count(name: str, *, limit: int, seconds: int, what: str) -> Count:
    """Count one event, of which ``limit`` are allowed within ``seconds`` of the first.

    Over the limit this takes one cache call, because a flood must cost no more than normal use.
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
        # The counter outlives its window, so that it can't expire between these two calls.
        cache.add(counter, 0, timeout=2 * seconds)
        return cache.incr(counter)
