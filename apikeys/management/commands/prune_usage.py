"""``manage.py prune_usage``: deletes old usage in small batches, while the server runs."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from apikeys.chores import USAGE
from wizchat.housekeeping import number_of_days


class Command(BaseCommand):
    help = "Delete usage that is older than a number of days."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=number_of_days, default=USAGE.days, help=USAGE.help)

    def handle(self, *args: Any, **options: Any) -> None:
        self.stderr.write(USAGE.do(timezone.now(), options["days"]))
