"""The parts of housekeeping: chores, deletion in batches, and a lock that keeps out a second run.

To add a chore, add it to ``CHORES`` of a module that ``settings.HOUSEKEEPING_CHORES`` names.
"""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection, models, transaction

LOCK = 0x77697A63
"""The number of PostgreSQL's advisory lock for housekeeping. Nothing else uses this number."""


class Chore(NamedTuple):
    """One thing that housekeeping does."""

    run: Callable[[datetime], int]
    """Handles everything from before a time; returns how much that was."""
    report: str
    """What it did, with the places ``{count}`` and ``{days}``."""
    days: int | None = 0
    """How many days to keep rows; ``None`` keeps them all."""
    option: str = ""
    """The command-line option that overrides ``days``, if there is one."""

    @property
    def destination(self) -> str:
        """Return the name under which argparse stores the option."""
        return self.option.lstrip("-").replace("-", "_")

    @property
    def help(self) -> str:
        default = "keeps all by default" if self.days is None else f"{self.days} by default"
        return f"keep this many days ({default})"

    def do(self, now: datetime, days: int) -> str:
        """Do the chore and return a line that reports it."""
        return self.report.format(count=self.run(now - timedelta(days=days)), days=days)


def number_of_days(text: str) -> int:
    """Return ``text`` as a number of days, or raise the error that argparse shows."""
    if not re.fullmatch("[1-9][0-9]{0,4}", text):
        raise ArgumentTypeError(f'"{text}" is not a number of days from 1 to 99999')
    return int(text)


def delete_in_batches(rows: models.QuerySet[Any], batch_size: int) -> int:
    """Delete ``rows`` and what belongs to them, one short transaction for each batch; return how many.

    A second run at the same time does no harm: each deletes what the other hasn't.
    """
    deleted = 0
    while ids := list(rows.values_list("pk", flat=True)[:batch_size]):
        batch = rows.model._default_manager.filter(pk__in=ids)
        with transaction.atomic():
            # Locked, so that no other process adds a row that refers to one of them while they are deleted.
            list(batch.order_by("pk").select_for_update().values_list("pk", flat=True))
            _, by_model = batch.delete()
        deleted += by_model.get(rows.model._meta.label, 0)
    return deleted


@contextmanager
def lock() -> Iterator[bool]:
    """Yield whether this is the only run. SQLite needs no lock: it has one writer at a time.

    The lock belongs to a transaction, because a pooler may give a session to another client. The
    transaction has its own connection and does nothing else, so it doesn't block anything.
    """
    if connection.vendor != "postgresql":
        yield True
        return
    holder = connection.copy()
    try:
        holder.set_autocommit(False)
        with holder.cursor() as cursor:
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
            (acquired,) = cursor.fetchone()
        yield acquired
        holder.rollback()  # releases the lock before this returns; close() alone wouldn't wait for that
    finally:
        holder.close()
