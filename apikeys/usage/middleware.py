"""Records each request's use of a key, after the response."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apikeys.usage.recorder import record


class UsageMiddleware:
    """Wraps everything that turns an exception into a response, so that the status is final."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        record(request, response)
        return response
