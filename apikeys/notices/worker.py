"""Sends the queued emails, each once, however many workers run."""

from __future__ import annotations

import logging
from smtplib import SMTPDataError, SMTPRecipientsRefused
from threading import Event
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.mail import get_connection
from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from django.utils import timezone

from apikeys.models import Notice
from apikeys.models.notices import REFUSAL_LENGTH
from apikeys.notices.claims import Claims
from apikeys.notices.emails import line, message
from apikeys.notices.queue import is_wanted

POLL = 1.0
"""Seconds between two queries of an empty queue."""
LONGEST_OUTAGE_PAUSE = 60.0
FINALLY_REFUSED_AT_MOST, REFUSED_AT_MOST = 10, 130
"""Attempts for a recipient that the mail server refuses permanently, or temporarily (over five days)."""
BATCH = 100
"""Emails per connection to the mail server."""

logger = logging.getLogger(__name__)


class MailServerDown(Exception):
    """The mail server accepts no emails at the moment."""


class Worker:
    """Sends emails until ``stop`` is set; it then finishes the email that it is sending."""

    def __init__(self) -> None:
        self.stop = Event()
        self._claims = Claims(uuid4().hex)

    def run(self) -> None:
        """Send until stopped, with growing pauses while the mail server or the database is down."""
        pause = POLL
        self._claims.database_was_away()  # perhaps, until just before this worker started
        while not self.stop.is_set():
            try:
                close_old_connections()
                self.send_waiting()
                pause = POLL
            except MailServerDown as error:
                pause = min(2 * pause, LONGEST_OUTAGE_PAUSE)
                logger.error("the mail server accepts no emails: %s; next try in %d s", error, pause)
            except (DatabaseError, InterfaceError) as error:
                pause = min(2 * pause, LONGEST_OUTAGE_PAUSE)
                logger.error("the email queue can't be read: %s; next try in %d s", error, pause)
                connection.close()
                self._claims.database_was_away()
            self.stop.wait(pause)

    def send_waiting(self, *, even_postponed: bool = False) -> int:
        """Send the due emails, or all that wait; return how many were sent. Raises ``MailServerDown``."""
        sent = 0
        failed: set[int] = set()
        while batch := self._batch(failed, even_postponed):
            try:
                server = get_connection(settings.NOTICES_EMAIL_BACKEND, patient=True)
                with server, self._claims.renewed():
                    for notice in batch:
                        if self.stop.is_set():
                            break
                        if not self._claims.take(notice):
                            continue
                        if self._send(notice, server):
                            sent += 1
                        else:
                            failed.add(notice.pk)
            except OSError as error:  # smtplib's exceptions are OSErrors, too
                raise MailServerDown(type(error).__name__) from error
        return sent

    def _batch(self, failed: set[int], even_postponed: bool) -> list[Notice]:
        if self.stop.is_set():
            return []
        notices = self._claims.free().exclude(pk__in=failed)
        if not even_postponed:
            notices = notices.filter(due_at__lte=timezone.now())
        return list(notices.select_related("key__owner", "event").order_by("due_at", "pk")[:BATCH])

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
            # An email that can't be written, for example to an address with a line break, must neither
            # hold up the others nor be retried forever.
            given_up = notice.attempts >= REFUSED_AT_MOST
            (notice.drop if given_up else notice.postpone)(timezone.now())
            logger.exception("notice %d was not sent%s", notice.pk, "; given up" if given_up else "")
            return False
        self._note_sent(notice)
        return True

    def _refused(self, notice: Notice, error: SMTPRecipientsRefused | SMTPDataError) -> None:
        code, text = reply_of(error)
        given_up = notice.attempts >= (FINALLY_REFUSED_AT_MOST if code >= 500 else REFUSED_AT_MOST)
        settle = notice.drop if given_up else notice.postpone
        settle(timezone.now(), refusal=line(f"{code} {text}")[:REFUSAL_LENGTH])
        logger.warning(
            "notice %d about key %s was refused by the mail server: %d; %s",
            notice.pk,
            notice.key.key_id,
            code,
            "given up" if given_up else f"attempt {notice.attempts}",
        )

    def _note_sent(self, notice: Notice) -> None:
        """Record that it was sent, retrying while the database is down, so that it isn't sent again."""
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


def reply_of(error: SMTPRecipientsRefused | SMTPDataError) -> tuple[int, str]:
    """Return the mail server's code (RFC 5321: 5xx is permanent, 4xx temporary) and its text."""
    answer: tuple[int, bytes | str]
    if isinstance(error, SMTPRecipientsRefused):
        answer = next(iter(error.recipients.values()))
    else:
        answer = error.smtp_code, error.smtp_error
    code, text = answer
    return code, text.decode(errors="replace") if isinstance(text, bytes) else text
