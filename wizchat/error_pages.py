"""Django's error handlers: the envelope for the API, a page for people."""

from __future__ import annotations

import sys
from http import HTTPStatus

from csp.constants import HEADER
from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template import loader

from wizchat.api import catalogue
from wizchat.api.errors import is_api, json_error, retry_headers, status_of


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Respond to an uncaught exception; Django calls this while handling it."""
    status = status_of(sys.exc_info()[1] or RuntimeError())
    outage = status == HTTPStatus.SERVICE_UNAVAILABLE
    return _answer(request, status if is_api(request) or outage else 500)


def _answer(request: HttpRequest, status: int) -> HttpResponse:
    """Return the error's envelope or page.

    Django's own handlers render a CSRF token, which fails if the request's form can't be read.
    """
    if is_api(request):
        return json_error(catalogue.for_status(status))
    page = loader.render_to_string(f"{status}.html")
    # An unknown host is refused before the middleware that adds these headers.
    headers = {HEADER: build_policy(), "X-Frame-Options": settings.X_FRAME_OPTIONS}
    return HttpResponse(page, status=status, headers=headers | retry_headers(status))
