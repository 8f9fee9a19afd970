"""``manage.py worker``: sends queued emails until it is stopped. Several can run at once."""

from __future__ import annotations

import signal
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from apikeys.notices.worker import MailServerDown, Worker


class Command(BaseCommand):
    help = "Send queued emails until stopped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="send what is queued, then exit")

    def handle(self, *args: Any, **options: Any) -> None:
        worker = Worker()
        if options["once"]:
            self.send_once(worker)
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: worker.stop.set())
        self.stderr.write("Sending emails.")
        worker.run()

    def send_once(self, worker: Worker) -> None:
        try:
            sent = worker.send_waiting(even_postponed=True)
        except MailServerDown as error:
            self.stderr.write(f"The mail server isn't accepting emails ({error}); they stay queued.")
        else:
            self.stderr.write(f"Sent {sent:,} {'email' if sent == 1 else 'emails'}.")
