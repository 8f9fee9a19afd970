"""Django's report of an exception, in the pages of DEBUG and in mails, without keys."""

from __future__ import annotations

from django.utils.safestring import SafeString
from django.views.debug import ExceptionReporter

from apikeys.core.keyformat import redact


class Reporter(ExceptionReporter):
    """Redacts the finished report: the request, the exception and the variables of every frame."""

    def get_traceback_html(self) -> SafeString:
        return SafeString(redact(super().get_traceback_html()))

    def get_traceback_text(self) -> SafeString:
        return SafeString(redact(super().get_traceback_text()))
