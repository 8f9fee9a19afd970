"""Email backends, with and without a mail server, and the system check for a missing one."""

from __future__ import annotations

import logging
import smtplib
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.console import EmailBackend as ConsoleBackend
from django.core.mail.backends.smtp import EmailBackend
from django.utils.module_loading import import_string

logger = logging.getLogger(__name__)


class PatientSMTP(smtplib.SMTP):
    """Waits ``EMAIL_ACCEPT_TIMEOUT`` for the server to accept an email, ``EMAIL_TIMEOUT`` otherwise."""

    def data(self, msg: Any) -> tuple[int, bytes]:
        if self.sock:
            self.sock.settimeout(settings.EMAIL_ACCEPT_TIMEOUT)
        answer = super().data(msg)
        if self.sock:
            self.sock.settimeout(settings.EMAIL_TIMEOUT)
        return answer


class PatientSMTPOverTLS(PatientSMTP, smtplib.SMTP_SSL):
    """The same for connections that start with TLS."""


class SMTPBackend(EmailBackend):
    """Pass ``patient`` to send emails that would be sent again after a failure."""

    def __init__(self, *args: Any, patient: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_patient = patient

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        if not self._is_patient:
            return super().connection_class
        return PatientSMTPOverTLS if self.use_ssl else PatientSMTP


class UnsentBackend(BaseEmailBackend):
    """Logs that an email wasn't sent, but not its text: a reader of the log could follow its links."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for _ in email_messages:
            logger.warning("An email was not sent: EMAIL_URL names no mail server.")
        return len(email_messages)


@register(Tags.security, deploy=True)
def check_mail_server(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Report an error if no mail server is configured."""
    if settings.DEBUG or import_string(settings.EMAIL_BACKEND) not in {ConsoleBackend, UnsentBackend}:
        return []
    hint = "Set EMAIL_URL, for example to smtp+tls://USER:PASSWORD@HOST:587."
    return [Error("Emails are not sent: EMAIL_URL names no mail server.", hint=hint, id="wizchat.E001")]
