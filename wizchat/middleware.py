"""Middleware for every response under ``/v1/``, and for every request behind a proxy."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.urls import ResolverMatch, resolve
from django.utils.encoding import iri_to_uri

from apikeys.auth.headers import key_headers
from apikeys.auth.requests import note_exposed_key
from apikeys.core import keyformat
from apikeys.core.networks import is_trusted_proxy
from wizchat.api import catalogue
from wizchat.api.errors import is_api, json_error

REMEMBERED_PATH = 64
"""Most characters of a path whose view is cached: too few for a path that contains a whole key."""

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class APIEnvelopeMiddleware:
    """Every response under ``/v1/`` is JSON and uncached, including errors from the middleware below."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not is_api(request):
            return response
        if response.status_code >= HTTPStatus.BAD_REQUEST and not _is_json(response):
            response = json_error(catalogue.for_status(response.status_code))
        response.headers["Cache-Control"] = "no-store"
        response.headers["Vary"] = "Authorization"
        response.headers["X-Content-Type-Options"] = "nosniff"
        for name, value in key_headers(request).items():
            response.headers[name] = value
        return response


class ForwardedSchemeMiddleware:
    """Trusts only a trusted proxy to say that the client used https."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        scheme = request.META.get("HTTP_X_FORWARDED_PROTO")
        if scheme is not None and is_trusted_proxy(
            request.META.get("REMOTE_ADDR", ""), settings.TRUSTED_PROXIES
        ):
            last = scheme.rpartition(",")[2].strip().lower()
            request.META["wsgi.url_scheme"] = "https" if last == "https" else "http"
        return self.get_response(request)


class HTTPSOnlyAPIMiddleware:
    """Refuses the API over plain HTTP: after a redirect, clients would keep sending the key in the clear."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.HTTPS_ONLY and is_api(request) and not request.is_secure():
            note_exposed_key(request)
            return json_error(catalogue.HTTPS_REQUIRED)
        return self.get_response(request)


class RedirectMiddleware:
    """Redacts keys in redirect targets: clients put them into the URLs of pages too."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if location := response.headers.get("Location"):
            response.headers["Location"] = iri_to_uri(keyformat.redact(location))
        return response


class APIShortcutMiddleware:
    """Lets the API skip the middleware below, which only pages need: sessions, forms, messages, policies.

    Cookies have no effect under ``/v1/``, because nothing there reads them.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not is_api(request):
            return self.get_response(request)
        if "HTTP_TRANSFER_ENCODING" in request.META:
            # The production server replaces this header with the body's length; behind another server,
            # Django would read the body as empty.
            return json_error(catalogue.LENGTH_REQUIRED)
        return _view_response(request)


def _view_response(request: HttpRequest) -> HttpResponseBase:
    match = request.resolver_match = _resolve(request.path_info)
    response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
    if isinstance(response, SimpleTemplateResponse):  # such as DRF's own Response
        response.render()
    return response


def _resolve(path: str) -> ResolverMatch:
    """Return the view of a path; cached for short paths, because clients repeat them."""
    return _remembered(path) if len(path) <= REMEMBERED_PATH else resolve(path)


_remembered = lru_cache(maxsize=4096)(resolve)


def _is_json(response: HttpResponseBase) -> bool:
    return isinstance(response, HttpResponse) and response.headers.get("Content-Type") == "application/json"
