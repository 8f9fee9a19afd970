"""The filters for keys that pages, API, admin and commands share, and the locks that changes take."""

from __future__ import annotations

from copy import copy
from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models

from apikeys.core import keyformat
from apikeys.core.batches import batches
from apikeys.models.choices import EXPIRES_SOON, KeyState

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from apikeys.models.keys import APIKey


def _live(now: datetime) -> models.Q:
    return models.Q(models.Q(expires_at=None) | models.Q(expires_at__gt=now), revoked_at=None)


class KeyFilters(models.QuerySet["APIKey"]):
    def owned_by(self, user: User) -> Self:
        return self.filter(owner=user)

    def with_rotations(self) -> Self:
        """Fetch ``predecessor`` and ``successor`` with the keys."""
        return self.select_related("rotation__new", "origin_rotation__old")

    def live(self, now: datetime) -> Self:
        """Return keys that are neither revoked nor expired at ``now``."""
        return self.filter(_live(now))

    def live_first(self, now: datetime) -> Self:
        """Order live keys before ended ones, then the newest first; a rotating key follows its successor."""
        ended = models.Case(models.When(_live(now), then=0), default=1)
        placed_at = models.Case(
            models.When(_live(now) & ~models.Q(rotation=None), then="rotation__new__created_at"),
            default="created_at",
        )
        return self.order_by(ended, placed_at.desc(), "-created_at", "-id")

    def in_state(self, state: KeyState, now: datetime) -> Self:
        """Return keys whose ``state(now)`` is ``state``."""
        soon = models.Q(expires_at__lte=now + EXPIRES_SOON)
        match state:
            case KeyState.REVOKED:
                return self.exclude(revoked_at=None)
            case KeyState.EXPIRED:
                return self.filter(revoked_at=None, expires_at__lte=now)
            case KeyState.EXPIRING:
                return self.filter(soon, _live(now))
            case KeyState.ACTIVE:
                return self.filter(_live(now)).exclude(soon)

    def matching(self, text: str) -> Self:
        """Return keys with ``text`` in their name or as their id, bare or masked as lists show it."""
        return self.filter(models.Q(name__icontains=text) | models.Q(key_id=keyformat.bare_id(text)))

    def with_descendants(self) -> list[APIKey]:
        """Return these keys and all their descendants: created through the API or by rotation."""
        found = {key.pk: key for key in self}
        newest = list(found)
        while newest:
            children = (child for batch in batches(newest) for child in self._made_by(batch))
            generation = {key.pk: key for key in children if key.pk not in found}
            found |= generation
            newest = list(generation)
        return list(found.values())

    def _made_by(self, parents: list[int]) -> models.QuerySet[APIKey]:
        # A UNION, because no database uses the indexes of two tables for one OR.
        keys = self.model.objects.order_by()
        created = keys.filter(created_by_key__in=parents)
        return created.union(keys.filter(origin_rotation__old__in=parents))

    def locked(self, key: APIKey | None, caller: APIKey | None) -> tuple[APIKey | None, APIKey | None]:
        """Lock both keys and return them as they are now; ``None`` for one that has been deleted.

        Rows are locked in a fixed order, so that two keys that change each other don't deadlock. A key
        that changes itself is returned as two objects, so that changing one doesn't widen the other.
        """
        wanted = {one.pk for one in (key, caller) if one is not None}
        rows = {row.pk: row for row in self.select_for_update().filter(pk__in=wanted).order_by("pk")}
        return (key and rows.get(key.pk), caller and copy(rows.get(caller.pk)))
