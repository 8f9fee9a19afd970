"""The permissions, states and lifetimes of keys, as pages, the API, the admin and commands offer them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from enum import IntFlag, StrEnum

EXPIRES_SOON = timedelta(days=14)
DEFAULT_LIFETIME = timedelta(days=90)
LONGEST_LIFETIME = timedelta(days=3660)
DEFAULT_OVERLAP = timedelta(hours=24)
"""How long a rotated key keeps working."""
LONGEST_OVERLAP = timedelta(days=7)
IDLE_AFTER = timedelta(days=90)
"""A key or a permission that wasn't used for this long can probably go."""


class Permission(IntFlag):
    """What a key may do. ``ADMIN`` grants everything; the other two do not imply each other."""

    READ = 1
    WRITE = 2
    ADMIN = 4

    @classmethod
    def of(cls, names: Iterable[str]) -> Permission:
        """Return the set of ``names`` ("read", "write", "admin"); ``KeyError`` for others."""
        granted = cls(0)
        for name in names:
            granted |= cls[name.upper()]
        return granted

    @property
    def names(self) -> list[str]:
        return [str(permission.name).lower() for permission in self]

    @property
    def label(self) -> str:
        """Return a list such as "Read, Write"."""
        return ", ".join(name.capitalize() for name in self.names)

    @property
    def description(self) -> str:
        """Return what one permission allows, as a sentence."""
        return _DESCRIPTIONS[self]

    def covers(self, other: Permission) -> bool:
        """Return whether a key with these permissions can do all that ``other`` allows."""
        return bool(self & Permission.ADMIN) or not other & ~self


_DESCRIPTIONS = {
    Permission.READ: "View chatbots and queries.",
    Permission.WRITE: "Send messages and update settings; doesn't include Read.",
    Permission.ADMIN: "Full access, including Read, Write and delete.",
}


PERMISSION_NAMES = [name for permission in Permission for name in permission.names]


class KeyState(StrEnum):
    """The state of a key at one moment. ``EXPIRING`` keys work, but expire within ``EXPIRES_SOON``."""

    ACTIVE = "active"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    REVOKED = "revoked"

    @property
    def label(self) -> str:
        return "Expires soon" if self is KeyState.EXPIRING else self.capitalize()
