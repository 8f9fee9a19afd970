"""Metrics of all processes in Prometheus's format, for clients with the token."""

from __future__ import annotations

import os
from hmac import compare_digest

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from apikeys.notices.metrics import QUEUE

_REQUESTS = Counter("wizchat_requests", "Requests answered, by status.", ["status"])
_by_status: dict[int, Counter] = {}


def count(status: int) -> None:
    """Count one answered request."""
    counter = _by_status.get(status)
    if counter is None:
        counter = _by_status[status] = _REQUESTS.labels(str(status))
    counter.inc()


def metrics(request: HttpRequest) -> HttpResponse:
    """Return the metrics; if ``METRICS_TOKEN`` is unset, 404."""
    if not settings.METRICS_TOKEN:
        return HttpResponse("Not found\n", "text/plain", 404)
    given = request.headers.get("Authorization", "")
    if not compare_digest(given.encode(), f"Bearer {settings.METRICS_TOKEN}".encode()):
        return HttpResponse(
            "A token is required\n", "text/plain", 401, headers={"WWW-Authenticate": 'Bearer realm="metrics"'}
        )
    numbers = generate_latest(_registry()) + generate_latest(QUEUE)
    return HttpResponse(numbers, CONTENT_TYPE_LATEST)


def _registry() -> CollectorRegistry:
    """Return the metrics of this process, or of all processes if the server has several."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # prometheus_client's
    return registry
