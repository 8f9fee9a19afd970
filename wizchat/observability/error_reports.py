"""Django's report of an exception, in the pages of DEBUG and in emails, without secrets."""

from __future__ import annotations

from django.utils.html import escape
from django.utils.safestring import SafeString
from django.views.debug import ExceptionReporter

from wizchat.observability.redaction import redact, redact_credentials


class Reporter(ExceptionReporter):
    """Redacts the finished report: the request, the exception and the variables of every frame."""

    def get_traceback_html(self) -> SafeString:
        return self._redacted(super().get_traceback_html())

    def get_traceback_text(self) -> SafeString:
        return self._redacted(super().get_traceback_text())

    def _redacted(self, report: str) -> SafeString:
        report = redact_credentials(redact(report))
        match = getattr(self.request, "resolver_match", None)
        # The view has it in a variable too.
        if match and "key" in match.kwargs:
            for secret in (match.kwargs["key"], escape(match.kwargs["key"])):
                report = report.replace(secret, "********")
        return SafeString(report)
