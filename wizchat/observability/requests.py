"""The outermost middleware: a request's id, its count and its log line; it answers probes itself."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from time import perf_counter
from urllib.parse import quote

from django.core.signals import request_finished
from django.dispatch import receiver
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apikeys.auth.requests import client_ip, noted
from wizchat.observability import metrics
from wizchat.observability.logs import request_id
from wizchat.observability.probes import answer_probe
from wizchat.observability.redaction import redact

logger = logging.getLogger("wizchat.requests")

# No underscore, so that an API key can't be used as a request id and end up in logs.
_ID = re.compile(r"[0-9A-Za-z.-]{1,128}", re.ASCII)


class TelemetryMiddleware:
    """Gives each request the id that its client sent as ``X-Request-ID``, or a new one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started_at = perf_counter()
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        identity = given if _ID.fullmatch(given) else os.urandom(16).hex()
        request_id.set(identity)
        response = answer_probe(request) or self.get_response(request)
        response.headers["X-Request-ID"] = identity
        metrics.count(response.status_code)
        write_line(request, response, perf_counter() - started_at)
        return response


def write_line(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    """Log one line for a request: no query, no headers, but the reason if its key was refused.

    If the path contains a secret, the route is logged instead.
    """
    line = redact(f"{request.method} {quote(request.path)} {response.status_code}")
    address = client_ip(request.META)
    fields: dict[str, object] = {
        "address": str(address) if address else None,
        "status": response.status_code,
        "milliseconds": round(seconds * 1000, 1),
    }
    presented = noted(request)
    if presented is None or presented.refusal is None:
        logger.info(line, extra=fields)
        return
    named = f"API key {presented.key_id}" if presented.key_id else "API key"
    reason = presented.refusal.value
    fields |= {"reason": reason, "key_id": presented.key_id}
    logger.warning("%s: %s refused: %s", line, named, reason, extra=fields)


@receiver(request_finished)
def _forget_id(**_: object) -> None:
    """Clear the id this late because Django and the server still log after the outermost middleware."""
    request_id.set("")
