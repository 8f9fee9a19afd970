"""Who has switched to the new key of a rotation, and who still uses the old one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from apikeys.models import Rotation
from apikeys.usage import reports

RECENT = timedelta(hours=1)


class Switcher(NamedTuple):
    """When an address last used each of the two keys; "" for unknown addresses."""

    address: str
    old_at: datetime | None
    new_at: datetime | None

    @property
    def has_switched(self) -> bool:
        """Return whether the last call used the new key."""
        if self.new_at is None:
            return False
        return self.old_at is None or self.old_at < self.new_at

    @property
    def uses_both(self) -> bool:
        return bool(self.old_at and self.new_at and abs(self.old_at - self.new_at) < RECENT)


def switchers(rotation: Rotation, now: datetime) -> list[Switcher]:
    """Return who used either key in the last 30 days; those who haven't switched come first."""
    old = _last_uses(reports.callers(rotation.old, now))
    new = _last_uses(reports.callers(rotation.new, now))
    found = [Switcher(address, old.get(address), new.get(address)) for address in old.keys() | new.keys()]
    never = datetime.min.replace(tzinfo=now.tzinfo)
    found.sort(key=lambda one: (one.old_at or never, one.new_at or never, one.address), reverse=True)
    return sorted(found, key=lambda one: one.has_switched)


def is_old_key_in_use(rotation: Rotation, now: datetime) -> bool:
    """Return whether the old key was used within the last hour."""
    last = rotation.old.last_used_at
    return last is not None and last > now - RECENT


def _last_uses(callers: Iterable[reports.Caller]) -> dict[str, datetime]:
    return {caller.address: caller.last_used_at for caller in callers if caller.last_used_at is not None}
