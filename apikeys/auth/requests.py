"""Reads a request's key and address, and notes on it what usage, metrics and logs record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpRequest

from apikeys.core import keyformat
from apikeys.core.networks import IPAddress, client_address
from apikeys.core.outcomes import Outcome

if TYPE_CHECKING:
    from apikeys.auth.rate_limit import Allowance


class PresentedKey:
    """The key that a request presented, without its secret.

    ``key_id`` is the id in the key, ``None`` if it has none; if the key isn't genuine, the id may be
    another key's. ``pk`` is set once the key is proved genuine. ``refusal`` says why the key was refused.
    ``needed`` is the permission that the endpoint required, 0 until then. For an accepted key,
    ``allowance`` is what is left of its rate limit and ``ends_at`` is when it expires.
    """

    __slots__ = ("allowance", "client_ip", "ends_at", "key_id", "needed", "pk", "refusal")

    def __init__(self) -> None:
        self.key_id: str | None = None
        self.pk: int | None = None
        self.client_ip: IPAddress | None = None
        self.refusal: Outcome | None = None
        self.needed = 0
        self.allowance: Allowance | None = None
        self.ends_at: datetime | None = None


def note(request: HttpRequest, **facts: Any) -> None:
    """Keep ``facts`` about the key that ``request`` presented: attributes of ``PresentedKey``."""
    presented = noted(request)
    if presented is None:
        presented = request.presented_key = PresentedKey()  # type: ignore[attr-defined]  # ours; see noted
    for name, value in facts.items():
        setattr(presented, name, value)


def noted(request: HttpRequest) -> PresentedKey | None:
    """Return what was noted about the key that ``request`` presented; ``None`` if it had none."""
    return getattr(request, "presented_key", None)


def bearer_token(meta: Mapping[str, Any]) -> str | None:
    """Return the token after ``Bearer`` in the Authorization header (RFC 6750, 2.1), if there is one."""
    scheme, _, token = meta.get("HTTP_AUTHORIZATION", "").strip(" ").partition(" ")
    return token.strip(" ") or None if scheme.lower() == "bearer" else None


def note_exposed_key(request: HttpRequest) -> None:
    """Note the key of a request that is refused because it came over plain HTTP, if it has one."""
    raw = bearer_token(request.META)
    if raw is None:
        return
    try:
        key_id = keyformat.parse(raw).key_id
    except keyformat.Malformed:
        key_id = None
    note(request, key_id=key_id, refusal=Outcome.PLAIN_HTTP)


def client_ip(meta: Mapping[str, Any]) -> IPAddress | None:
    """Return the client's address as far as it can be trusted; ``None`` if no trusted source knows it."""
    return client_address(
        meta.get("REMOTE_ADDR", ""), meta.get("HTTP_X_FORWARDED_FOR"), settings.TRUSTED_PROXIES
    )
