"""Records what each request presented a key for, once it is answered."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apikeys.usage.recorder import record


class UsageMiddleware:
    """Outside of whatever turns an exception into an answer, so that the status is the final one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        record(request, response)
        return response
