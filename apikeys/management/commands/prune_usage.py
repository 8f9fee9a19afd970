"""``manage.py prune_usage``: forgets old usage, a little at a time, while the server runs."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from apikeys.models import KeyUsage

BATCH = 1000
"""Rows deleted in one transaction: no request waits longer for it than a few milliseconds."""


def number_of_days(text: str) -> int:
    """Return the number of days that ``text`` is; argparse tells of an error."""
    if not re.fullmatch("[1-9][0-9]{0,4}", text):
        raise ArgumentTypeError(f'"{text}" is not a number of days from 1 to 99999')
    return int(text)


class Command(BaseCommand):
    help = "Forget what keys were used for longer ago than a number of days."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=number_of_days, default=90, help="keep this many days (90)")

    def handle(self, *args: Any, **options: Any) -> None:
        old = KeyUsage.objects.filter(hour__lt=timezone.now() - timedelta(days=options["days"]))
        deleted = 0
        while ids := list(old.order_by("hour").values_list("pk", flat=True)[:BATCH]):
            deleted += KeyUsage.objects.filter(pk__in=ids).delete()[0]
        self.stderr.write(f"{deleted:,} rows of usage older than {options['days']} days deleted.")
