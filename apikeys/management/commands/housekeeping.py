"""``manage.py housekeeping``: for cron, once a day. Again, or twice at once, does no harm."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from apikeys.management.commands.prune_usage import number_of_days
from apikeys.models import APIKey

BATCH = 200
"""Keys deleted in one transaction, with all that belongs to them."""

LOCK = 0x77697A63
"""PostgreSQL's advisory lock of this command: any number that nothing else here takes."""


class Command(BaseCommand):
    help = "Delete long ended keys, old usage and expired sessions."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--keys-days", type=number_of_days, default=365, help="keep ended keys this many days (365)"
        )
        parser.add_argument(
            "--usage-days", type=number_of_days, default=90, help="keep usage this many days (90)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with alone() as is_alone:
            if not is_alone:
                self.stderr.write("Housekeeping is being done by another process.")
                return
            deleted = delete_keys_ended_before(timezone.now() - timedelta(days=options["keys_days"]))
            self.stderr.write(f"{deleted:,} keys that ended over {options['keys_days']} days ago deleted.")
            call_command("prune_usage", days=options["usage_days"], stderr=self.stderr)
            call_command("clearsessions")
            self.stderr.write("Expired sessions deleted.")


def delete_keys_ended_before(moment: datetime) -> int:
    """Delete the keys that were revoked or had expired before ``moment``; return how many."""
    ended = APIKey.objects.filter(Q(revoked_at__lt=moment) | Q(expires_at__lt=moment))
    deleted = 0
    while ids := list(ended.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic():
            _, by_model = APIKey.objects.filter(pk__in=ids).delete()
        deleted += by_model.get("apikeys.APIKey", 0)
    return deleted


@contextmanager
def alone() -> Iterator[bool]:
    """Tell whether nobody else does this now. SQLite needs no lock: it has one writer at a time.

    The lock is a transaction's, not a session's, which a pooler would hand on to another client. That
    transaction needs a connection of its own and does nothing else, so it holds nothing up.
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
            (is_alone,) = cursor.fetchone()
        yield is_alone
        holder.rollback()  # the lock is free when this returns, which a mere close would not wait for
    finally:
        holder.close()
