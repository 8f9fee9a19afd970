"""A worker claims the emails that it sends, so that no other worker sends them unless it dies.

A claim is short; a thread renews it for as long as the mail server takes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from threading import Event, Thread

from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone

from apikeys.models import Notice
from apikeys.models.notices import NoticeQuerySet, claim_length

logger = logging.getLogger(__name__)


class Claims:
    """The claims of one worker."""

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._believed_until: datetime | None = None

    def free(self) -> NoticeQuerySet:
        """Return the notices that no worker is sending."""
        now = timezone.now()
        if self._believed_until and now < self._believed_until:
            return Notice.objects.waiting().filter(claimed_until=None)
        return Notice.objects.free(now)

    def take(self, notice: Notice) -> bool:
        return notice.claim(self._worker, timezone.now())

    def database_was_away(self) -> None:
        """Trust even expired claims for a while: workers couldn't renew them or record what they sent."""
        self._believed_until = timezone.now() + claim_length()

    @contextmanager
    def renewed(self) -> Iterator[None]:
        """Renew this worker's claims while the block waits for the mail server."""
        ended = Event()
        thread = Thread(target=self._renew, args=[ended], name="claims", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _renew(self, ended: Event) -> None:
        while not ended.wait(claim_length().total_seconds() / 4):
            try:
                Notice.objects.renew(self._worker, timezone.now())
            except (DatabaseError, InterfaceError) as error:
                logger.error("the claim of an email cannot be renewed: %s", error)
            finally:
                connection.close()
