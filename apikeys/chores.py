"""The housekeeping of keys and usage."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from apikeys.api import idempotency
from apikeys.models import USAGE_KEPT, APIKey, KeyUsage
from wizchat.housekeeping import Chore, delete_in_batches

KEYS_PER_TRANSACTION = 200
"""Fewer than usage rows, because deleting a key also deletes its events and usage."""

USAGE_ROWS_PER_TRANSACTION = 1000
"""Deleting these takes a few milliseconds, so no request waits long."""


def delete_keys_ended_before(moment: datetime) -> int:
    """Delete the keys that were revoked or had expired before ``moment``; return how many.

    A key stays as long as it links a key that it came from with one that came from it: without it,
    revoking the first with all its descendants would miss the last.
    """
    ended = APIKey.objects.filter(Q(revoked_at__lt=moment) | Q(expires_at__lt=moment))
    was_made = Q(created_by_key__isnull=False) | Q(origin_rotation__isnull=False)
    made_others = Q(rotation__isnull=False) | Exists(APIKey.objects.filter(created_by_key=OuterRef("pk")))
    return delete_in_batches(ended.exclude(was_made & made_others).order_by("pk"), KEYS_PER_TRANSACTION)


def delete_usage_before(moment: datetime) -> int:
    """Delete usage from before ``moment``; return how many rows."""
    old = KeyUsage.objects.filter(hour__lt=moment)
    return delete_in_batches(old.order_by("hour"), USAGE_ROWS_PER_TRANSACTION)


KEYS = Chore(
    delete_keys_ended_before, "Deleted {count:,} keys that ended over {days} days ago.", 365, "--keys-days"
)
USAGE = Chore(
    delete_usage_before,
    "Deleted {count:,} rows of usage older than {days} days.",
    USAGE_KEPT.days,
    "--usage-days",
)

IDEMPOTENCY = Chore(
    idempotency.forget,
    "Forgot {count:,} idempotency keys that were over a day old.",
    idempotency.REMEMBERED.days,
)

CHORES = [KEYS, USAGE, IDEMPOTENCY]
