"""Counts failed authentications per client address, to limit guessing.

The counter can only turn a 401 into a 429, so it never affects a genuine key of an open account.
"""

from __future__ import annotations

import logging

from django.conf import settings

from apikeys.auth import counters
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
    """Count a failure from ``client_ip``; raise ``TooManyFailures`` past the limit."""
    address = counters.bucket(client_ip)
    failures = counters.count(
        f"auth-failures:{address}",
        limit=settings.AUTH_FAILURES_PER_MINUTE,
        seconds=WINDOW,
        what="failed authentications",
    )
    if failures.is_first:
        logger.warning(
            "too many failed authentications from %s: responding with 429 for %d s", address, failures.wait
        )
    if failures.wait:
        raise TooManyFailures(failures.wait)
