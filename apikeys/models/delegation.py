"""Delegation: a key that creates, changes or rotates another never grants more than it has."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Self

from apikeys.core import networks
from apikeys.models.choices import Permission

if TYPE_CHECKING:
    from apikeys.models.keys import APIKey


class Escalation(Exception):
    """A key tried to give another key more than it has itself."""


class Grant(NamedTuple):
    """What a key may do, from where and until when."""

    permissions: Permission
    allowed_networks: str
    expires_at: datetime | None

    @classmethod
    def of(cls, key: APIKey) -> Self:
        return cls(key.granted, key.allowed_networks, key.expires_at)

    def covers(self, other: Grant) -> bool:
        """Return whether ``other`` allows nothing that this doesn't."""
        return (
            self.permissions.covers(other.permissions)
            and networks.is_within(other.allowed_networks, self.allowed_networks)
            and (
                self.expires_at is None
                or (other.expires_at is not None and other.expires_at <= self.expires_at)
            )
        )


def refuse_escalation(
    caller: APIKey | None, wanted: APIKey, *, now: datetime, before: Grant | None = None
) -> None:
    """Raise ``Escalation`` unless ``caller`` may turn ``before`` into ``wanted``.

    ``caller`` is the current row, locked, or ``None`` if it has been deleted. ``wanted`` as a whole
    must lie within what the caller may do, unless the change widens nothing. Checking each field
    separately would let a key that works from one network give permissions to one that works from
    everywhere.
    """
    if caller is None or caller.is_ended(now) or not caller.granted & Permission.ADMIN:
        raise Escalation
    widens_nothing = before is not None and before.covers(Grant.of(wanted))
    if not widens_nothing and not Grant.of(caller).covers(Grant.of(wanted)):
        raise Escalation
