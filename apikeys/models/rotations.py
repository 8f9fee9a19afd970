"""A rotation: one key replaces another, and for a time both work."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import models, transaction

from apikeys.core.batches import batches
from apikeys.models.events import COMMAND_LINE, KeyEvent, Origin

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from apikeys.models.keys import APIKey

GRACE_AFTER_FIRST_USE = timedelta(hours=24)
LONGEST_WAIT_FOR_FIRST_USE = timedelta(days=30)


class RotationOver(Exception):
    """The rotation has already been finished or cancelled, or the old key has ended."""


class RotationQuerySet(models.QuerySet["Rotation"]):
    def running_with(self, key: APIKey, now: datetime) -> list[Rotation]:
        """Return the rotations that ``key`` is a part of while the old key works, its own first."""
        found = self.filter(models.Q(old=key) | models.Q(new=key)).select_related("old", "new")
        running = [rotation for rotation in found if rotation.is_running(now)]
        return sorted(running, key=lambda rotation: rotation.old_id != key.pk)


class Rotation(models.Model):
    """``new`` replaces ``old``. Finishing the rotation keeps the row, cancelling it deletes the row.

    If ``grace`` is set, the old key ends that long after the new one's first use, which sets
    ``first_used_at``.
    """

    old = models.OneToOneField("apikeys.APIKey", models.CASCADE, related_name="rotation")
    new = models.OneToOneField("apikeys.APIKey", models.CASCADE, related_name="origin_rotation")
    started_at = models.DateTimeField()
    old_expires_at = models.DateTimeField(null=True)
    grace = models.DurationField(null=True)
    first_used_at = models.DateTimeField(null=True)

    objects = RotationQuerySet.as_manager()

    class Meta:
        indexes = (
            models.Index(
                fields=["new"],
                name="rotation_awaits_first_use",
                condition=models.Q(grace__isnull=False, first_used_at=None),
            ),
        )

    def __str__(self) -> str:
        return f"{self.old.masked} → {self.new.masked}"

    def is_running(self, now: datetime) -> bool:
        """Return whether the old key still works."""
        return self.old.is_live(now)

    @property
    def awaits_first_use(self) -> bool:
        return self.grace is not None and self.first_used_at is None

    def finish(self, *, by: User | None, now: datetime, origin: Origin = COMMAND_LINE) -> None:
        """Revoke the old key. Raises ``RotationOver``."""
        with transaction.atomic():
            running = self._lock(now)
            running.old.record(KeyEvent.Action.ROTATION_FINISHED, by=by, now=now, origin=origin)
            running.old.revoke(by=by, now=now, origin=origin)

    def cancel(self, *, by: User | None, now: datetime, origin: Origin = COMMAND_LINE) -> None:
        """Revoke the new key and restore the old one's expiry. Raises ``RotationOver``."""
        with transaction.atomic():
            running = self._lock(now)
            old, new = running.old, running.new
            type(old).objects.filter(pk=old.pk).update(expires_at=running.old_expires_at)
            old.record(KeyEvent.Action.ROTATION_CANCELLED, by=by, now=now, origin=origin)
            new.revoke(by=by, now=now, origin=origin)
            running.delete()

    def _lock(self, now: datetime) -> Rotation:
        """Return the rotation as it is, locked with its keys; raise ``RotationOver`` if it isn't running."""
        _lock_keys(self)
        rotations = Rotation.objects.select_for_update(of=("self",)).select_related("old", "new")
        running = rotations.filter(pk=self.pk).first()
        if running is None or not running.is_running(now):
            raise RotationOver
        return running

    @staticmethod
    def note_first_uses(used: dict[int, datetime]) -> None:
        """Start the grace period of rotations that wait for the first use of the new key.

        ``used`` has the time of use by the primary key of the key. An earlier use that is reported
        later doesn't change the grace period.
        """
        waiting = Rotation.objects.filter(grace__isnull=False, first_used_at=None)
        used_first = (
            rotation
            for batch in batches(used)
            for rotation in waiting.filter(new__in=batch).select_related("old")
        )
        for rotation in used_first:
            first_used_at = used[rotation.new_id]
            with transaction.atomic():
                _lock_keys(rotation)
                if not waiting.filter(pk=rotation.pk).update(first_used_at=first_used_at):
                    continue
                ends_at = first_used_at + (rotation.grace or GRACE_AFTER_FIRST_USE)
                ends_later = models.Q(expires_at=None) | models.Q(expires_at__gt=ends_at)
                keys = type(rotation.old).objects.filter(ends_later, pk=rotation.old_id, revoked_at=None)
                keys.update(expires_at=ends_at)


def _lock_keys(rotation: Rotation) -> None:
    """Lock both keys, before the rotation and in the same order as the deletion of their owner does."""
    keys = type(rotation.old).objects.filter(pk__in=[rotation.old_id, rotation.new_id])
    list(keys.order_by("pk").select_for_update().values_list("pk", flat=True))
