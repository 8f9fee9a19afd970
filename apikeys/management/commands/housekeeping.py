"""``manage.py housekeeping``: for cron, once a day. Safe to repeat and to run twice at once."""

from __future__ import annotations

from argparse import ArgumentParser
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from wizchat.housekeeping import Chore, lock, number_of_days


def chores() -> list[Chore]:
    """Return the chores of all modules that ``settings.HOUSEKEEPING_CHORES`` names."""
    return [chore for name in settings.HOUSEKEEPING_CHORES for chore in import_module(name).CHORES]


class Command(BaseCommand):
    help = (
        "Delete old keys, usage, sessions and emails, and, if asked to, queries; queue emails that are due."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        for chore in chores():
            if chore.option:
                parser.add_argument(chore.option, type=number_of_days, default=chore.days, help=chore.help)

    def handle(self, *args: Any, **options: Any) -> None:
        with lock() as acquired:
            if not acquired:
                self.stderr.write("Another process is already doing the housekeeping.")
                return
            for chore in chores():
                days = options[chore.destination] if chore.option else chore.days
                if days is not None:
                    self.stderr.write(chore.do(timezone.now(), days))
