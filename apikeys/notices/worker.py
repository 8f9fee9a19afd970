"""Sends what is queued: each email once, however many workers run."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from smtplib import SMTPDataError, SMTPRecipientsRefused
from threading import Event
from typing import Any

from django.core.mail import get_connection
from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from django.utils import timezone

from apikeys.models import Notice
from apikeys.notices.emails import message
from apikeys.notices.queue import is_wanted

POLL = 1.0
"""Seconds between two looks at an empty queue."""
LONGEST_PAUSE = 60.0
REFUSED_AT_MOST = 10
"""Attempts for a recipient that the mail server permanently refuses."""
BATCH = 100
"""Emails per connection to the mail server."""

logger = logging.getLogger(__name__)


class MailServerDown(Exception):
    """The mail server accepts no emails at the moment."""


class Worker:
    """``stop`` ends it after the email that it is sending."""

    def __init__(self) -> None:
        self.stop = Event()

    def run(self) -> None:
        """Send until stopped, in growing pauses while the mail server or the database is away."""
        pause = POLL
        while not self.stop.is_set():
            try:
                close_old_connections()
                self.send_waiting()
                pause = POLL
            except MailServerDown:
                pause = min(2 * pause, LONGEST_PAUSE)
            except (DatabaseError, InterfaceError) as error:
                logger.error("the queue of emails cannot be read: %s", error)
                connection.close()
                pause = min(2 * pause, LONGEST_PAUSE)
            self.stop.wait(pause)

    def send_waiting(self, *, even_postponed: bool = False) -> int:
        """Send what is due, or all that waits; return how many were sent. Raises ``MailServerDown``."""
        sent = 0
        failed: set[int] = set()
        while batch := self._batch(failed, even_postponed):
            try:
                with get_connection() as server:
                    for notice in self._claimed(batch):
                        if self._send(notice, server):
                            sent += 1
                        else:
                            failed.add(notice.pk)
            except OSError as error:  # smtplib's exceptions are OSErrors, too
                logger.error("the mail server accepts no emails: %s", type(error).__name__)
                raise MailServerDown from error
        return sent

    def _batch(self, failed: set[int], even_postponed: bool) -> list[Notice]:
        if self.stop.is_set():
            return []
        now = timezone.now()
        notices = Notice.objects.free(now).exclude(pk__in=failed)
        if not even_postponed:
            notices = notices.filter(due_at__lte=now)
        return list(notices.select_related("key__owner", "event").order_by("due_at", "pk")[:BATCH])

    def _claimed(self, batch: list[Notice]) -> Iterator[Notice]:
        for notice in batch:
            if not self.stop.is_set() and notice.claim(timezone.now()):
                yield notice

    def _send(self, notice: Notice, server: Any) -> bool:
        """Send one email that this worker has claimed; return whether it was sent."""
        owner = type(notice.key.owner).objects.filter(pk=notice.key.owner_id).first()
        if owner is None or not is_wanted(notice.kind, owner):
            notice.drop(timezone.now())
            return False
        notice.key.owner = owner  # the address may have changed since the batch was read
        try:
            server.send_messages([message(notice)])
        except (SMTPRecipientsRefused, SMTPDataError) as error:
            self._refused(notice, error)
            return False
        except OSError:
            notice.postpone(timezone.now())
            raise
        except Exception:
            # One email that cannot be written must not hold up the others.
            notice.postpone(timezone.now())
            logger.exception("notice %d was not sent", notice.pk)
            return False
        self._note_sent(notice)
        return True

    def _refused(self, notice: Notice, error: Exception) -> None:
        if is_final(error) and notice.attempts >= REFUSED_AT_MOST:
            notice.drop(timezone.now())
        else:
            notice.postpone(timezone.now())
        logger.warning("notice %d was refused by the mail server: %s", notice.pk, type(error).__name__)

    def _note_sent(self, notice: Notice) -> None:
        """Record that it was sent, retrying while the database is away, so that it isn't sent again."""
        while True:
            try:
                notice.note_sent(timezone.now())
            except (DatabaseError, InterfaceError) as error:
                logger.error("notice %d was sent, but that can't be stored yet: %s", notice.pk, error)
                connection.close()
                if self.stop.wait(POLL):
                    raise
            else:
                return


def is_final(error: Exception) -> bool:
    """Return whether the mail server says that it will never take the email (RFC 5321: 5xx)."""
    if isinstance(error, SMTPRecipientsRefused):
        return all(code >= 500 for code, _text in error.recipients.values())
    return getattr(error, "smtp_code", 0) >= 500
