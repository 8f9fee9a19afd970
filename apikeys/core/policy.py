"""May this key be used now, from here? Judges a key without database, request or clock."""

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
    """What the policy reads of a key."""

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
    """Return whether an address list, empty for "any", lets ``client_ip`` in."""
    return not allowed_networks or (client_ip is not None and contains(allowed_networks, client_ip))
