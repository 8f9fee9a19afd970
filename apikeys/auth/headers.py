"""Response headers about an accepted key: its rate limit and when it ends."""

from __future__ import annotations

from functools import lru_cache

from django.http import HttpRequest
from django.utils import timezone
from django.utils.http import http_date

from apikeys.auth.requests import noted
from apikeys.core.rates import Rate
from apikeys.models import EXPIRES_SOON


def key_headers(request: HttpRequest) -> dict[str, str]:
    """Return the rate-limit headers (an IETF draft) and ``Sunset`` (RFC 8594) for a response."""
    presented = noted(request)
    if presented is None:
        return {}
    headers: dict[str, str] = {}
    allowance = presented.allowance
    if allowance is not None:
        headers["RateLimit-Policy"] = _policy(allowance.rate)
        headers["RateLimit"] = f'"default";r={allowance.remaining};t={allowance.seconds}'
        if allowance.is_exceeded:
            headers["Retry-After"] = str(allowance.seconds)
    if presented.ends_at is not None and presented.ends_at - timezone.now() <= EXPIRES_SOON:
        headers["Sunset"] = http_date(presented.ends_at.timestamp())
    return headers


@lru_cache(maxsize=1024)
def _policy(rate: Rate) -> str:
    return f'"default";q={rate.calls};w={rate.seconds}'
