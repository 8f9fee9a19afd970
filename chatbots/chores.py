"""The housekeeping of queries."""

from __future__ import annotations

from datetime import datetime

from chatbots.models import Chatbot
from wizchat.housekeeping import Chore, delete_in_batches

QUERIES_PER_TRANSACTION = 1000
"""Deleting these takes a few milliseconds, so no message waits long."""


def delete_queries_before(moment: datetime) -> int:
    """Delete the queries from before ``moment``; return how many."""
    deleted = 0
    # One chatbot at a time, because queries are indexed by chatbot and time.
    for chatbot in Chatbot.objects.only("pk").order_by("pk").iterator():
        old = chatbot.queries.filter(created_at__lt=moment).order_by("created_at", "id")
        deleted += delete_in_batches(old, QUERIES_PER_TRANSACTION)
    return deleted


QUERIES = Chore(
    delete_queries_before, "Deleted {count:,} queries older than {days} days.", None, "--queries-days"
)

CHORES = [QUERIES]
