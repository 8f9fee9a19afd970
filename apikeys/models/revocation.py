"""Revokes keys: one, several, or one with all its descendants."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction

from apikeys.core.batches import batches
from apikeys.models.events import COMMAND_LINE, KeyEvent, Origin
from apikeys.models.querysets import KeyFilters

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from apikeys.models.keys import APIKey


class RevocableKeys(KeyFilters):
    def revoke(
        self, *, by: User | None, now: datetime, origin: Origin = COMMAND_LINE, reason: str = ""
    ) -> int:
        """Revoke all of these keys or none; return how many weren't revoked before."""
        with transaction.atomic():
            unrevoked = self.filter(revoked_at=None).select_related(None).select_related("owner")
            # In the same order as ``locked``; without their owners.
            keys = list(unrevoked.order_by("pk").select_for_update(of=("self",)))
            for batch in batches(keys):
                self.model.objects.filter(pk__in=[key.pk for key in batch]).update(
                    revoked_at=now, revoked_by=by
                )
                for key in batch:
                    key.record(KeyEvent.Action.REVOKED, by=by, now=now, origin=origin, detail=reason)
        return len(keys)


def revoke(
    key: APIKey,
    *,
    by: User | None,
    now: datetime,
    origin: Origin = COMMAND_LINE,
    reason: str = "",
    actor_kind: KeyEvent.Actor | None = None,
    cause: KeyEvent | None = None,
) -> bool:
    """Revoke ``key`` permanently, as a part of ``cause`` if given; return whether this call did it."""
    with transaction.atomic():
        updated = type(key).objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now, revoked_by=by)
        if updated:
            facts: dict[str, Any] = {"detail": reason, "actor_kind": actor_kind}
            key.record(KeyEvent.Action.REVOKED, by=by, now=now, origin=origin, cause=cause, **facts)
    key.refresh_from_db(fields=["revoked_at", "revoked_by"])
    return bool(updated)


def revoke_with_descendants(
    key: APIKey, *, by: User | None, now: datetime, origin: Origin = COMMAND_LINE
) -> int:
    """Revoke ``key`` and all its descendants; return how many weren't revoked before.

    A revoked key can't create any more, so looking again finds those that it created while this
    waited for its lock.
    """
    keys, revoked, found = type(key).objects, 0, {key.pk}
    with transaction.atomic():
        while True:
            descendants = set()
            for batch in batches(sorted(found)):
                family = keys.filter(pk__in=batch)
                revoked += family.revoke(by=by, now=now, origin=origin)
                descendants |= {one.pk for one in family.with_descendants()}
            if descendants <= found:
                return revoked
            found |= descendants
