"""Django's exception reports, on DEBUG pages and in emails, without secrets."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.views.debug import ExceptionReporter

from wizchat.observability.redaction import redact, redact_credentials

SHORTEST_SECRET = 6


class Reporter(ExceptionReporter):
    """Redacts the finished report: the request, the exception and the variables of every frame."""

    def get_traceback_html(self) -> SafeString:
        return self._redacted(super().get_traceback_html())

    def get_traceback_text(self) -> SafeString:
        return self._redacted(super().get_traceback_text())

    def _redacted(self, report: str) -> SafeString:
        report = redact_credentials(redact(report))
        for secret in configured_secrets():
            # The frames of a driver contain the password outside of its URL.
            for written in (secret, escape(secret)):
                report = report.replace(written, "********")
        match = getattr(self.request, "resolver_match", None)
        # The view has the link's secret in a variable, too.
        if match and "key" in match.kwargs:
            for secret in (match.kwargs["key"], escape(match.kwargs["key"])):
                report = report.replace(secret, "********")
        return SafeString(report)


def configured_secrets() -> Iterator[str]:
    """Yield the secrets in the settings, except those too short to redact without garbling the report."""
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS, settings.METRICS_TOKEN]
    secrets += [settings.DEMO_PASSWORD, settings.EMAIL_HOST_PASSWORD]
    secrets += [database.get("PASSWORD", "") for database in settings.DATABASES.values()]
    for cache in settings.CACHES.values():
        password = urlsplit(cache.get("LOCATION", "")).password or ""
        secrets += [password, unquote(password)]
    return (secret for secret in secrets if secret and len(secret) >= SHORTEST_SECRET)
