"""The housekeeping of sessions and their records."""

from __future__ import annotations

from datetime import datetime

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef

from wizchat.housekeeping import Chore, delete_in_batches

ROWS_PER_TRANSACTION = 1000


def delete_expired_sessions(moment: datetime) -> int:
    """Delete the sessions that had expired before ``moment``; return how many."""
    expired = Session.objects.filter(expire_date__lt=moment)
    return delete_in_batches(expired.order_by("expire_date"), ROWS_PER_TRANSACTION)


def delete_ended_sessions(moment: datetime) -> int:
    """Delete the list entries of sessions that ended before ``moment``; return how many."""
    goes_on = Exists(Session.objects.filter(pk=OuterRef("session_key")))
    ended = UserSession.objects.filter(~goes_on, created_at__lt=moment)
    return delete_in_batches(ended.order_by("pk"), ROWS_PER_TRANSACTION)


CHORES = [
    Chore(delete_expired_sessions, "Deleted {count:,} expired sessions."),
    # After the sessions themselves, so that theirs are among them.
    Chore(delete_ended_sessions, "Deleted the records of {count:,} sessions that have ended."),
]
