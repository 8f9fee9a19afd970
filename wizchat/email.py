"""What happens to emails while no mail server is configured, and the deploy check that says so."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

CONSOLE = "django.core.mail.backends.console.EmailBackend"
UNSENT = "wizchat.email.UnsentBackend"

logger = logging.getLogger(__name__)


class UnsentBackend(BaseEmailBackend):
    """Logs that an email wasn't sent, but not its text: a reader of the log could follow its links."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for _ in email_messages:
            logger.warning("An email was not sent: EMAIL_URL names no mail server.")
        return len(email_messages)


@register(Tags.security, deploy=True)
def check_mail_server(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Fail if emails would reach nobody."""
    if settings.DEBUG or settings.EMAIL_BACKEND not in {CONSOLE, UNSENT}:
        return []
    hint = "Set EMAIL_URL, for example to smtp+tls://USER:PASSWORD@HOST:587."
    return [Error("Emails are not sent: EMAIL_URL names no mail server.", hint=hint, id="wizchat.E001")]
