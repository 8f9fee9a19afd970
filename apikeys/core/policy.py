"""Decides whether a key may be used from an address at a moment. Pure: no database, request or clock."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Protocol

from apikeys.core.networks import IPAddress, contains
from apikeys.core.outcomes import Outcome


class Refused(Exception):
    """A genuine key that may not be used; ``outcome`` says why."""

    outcome: ClassVar[Outcome]


class Revoked(Refused):
    outcome = Outcome.REVOKED


class Expired(Refused):
    outcome = Outcome.EXPIRED


class WrongAddress(Refused):
    outcome = Outcome.ADDRESS


class Judged(Protocol):
    """The attributes of a key that the policy reads."""

    @property
    def revoked_at(self) -> datetime | None: ...
    @property
    def expires_at(self) -> datetime | None: ...
    @property
    def allowed_networks(self) -> str: ...


def check(key: Judged, *, client_ip: IPAddress | None, now: datetime) -> None:
    """Raise ``Refused`` unless ``key`` may be used from ``client_ip`` at ``now``."""
    if key.revoked_at is not None:
        raise Revoked
    if key.expires_at is not None and key.expires_at <= now:
        raise Expired
    if not admits(key.allowed_networks, client_ip):
        raise WrongAddress


def admits(allowed_networks: str, client_ip: IPAddress | None) -> bool:
    """Return whether an allow list admits ``client_ip``; an empty list admits any address."""
    return not allowed_networks or (client_ip is not None and contains(allowed_networks, client_ip))
