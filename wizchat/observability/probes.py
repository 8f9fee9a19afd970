"""The probe URLs, answered before anything needs a valid host, https, a session or the database."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from wizchat.observability import health, metrics

PROBES: dict[str, Callable[[HttpRequest], HttpResponse]] = {
    "/healthz": health.healthz,
    "/readyz": health.readyz,
    "/metrics": metrics.metrics,
}


def answer_probe(request: HttpRequest) -> HttpResponse | None:
    """Return the response if ``request`` is a probe, else ``None``."""
    probe = PROBES.get(request.path_info)
    if probe is None:
        return None
    if request.method not in {"GET", "HEAD"}:
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
    response = probe(request)
    response.headers["Cache-Control"] = "no-store"
    return response
