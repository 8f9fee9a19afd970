"""The API's error envelope: ``{"error": {"code": …, "message": …}}``, for whatever goes wrong."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    NotSupportedError,
    ProgrammingError,
)
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.template import loader
from django.views.decorators.csrf import csrf_exempt
from redis.exceptions import RedisError
from rest_framework import exceptions
from rest_framework.response import Response

from apikeys.auth.authentication import bearer_token
from apikeys.auth.failed_attempts import TooManyFailures
from apikeys.auth.permissions import LacksPermission

API_PREFIX = "/v1/"
RETRY_AFTER = "5"
"""Seconds after which a client may ask a failed database again."""

logger = logging.getLogger(__name__)

# status: (code, message when nothing better is known)
ERRORS = {
    400: ("VALIDATION_ERROR", "The request is not valid"),
    401: ("UNAUTHORIZED", "API key required"),
    403: ("FORBIDDEN", "Forbidden"),
    404: ("NOT_FOUND", "Not found"),
    405: ("METHOD_NOT_ALLOWED", "Method not allowed"),
    409: ("CONFLICT", "The request conflicts with the present state"),
    411: ("LENGTH_REQUIRED", "The request needs a Content-Length"),
    413: ("PAYLOAD_TOO_LARGE", "The request body is too large"),
    415: ("UNSUPPORTED_MEDIA_TYPE", "The request body must be application/json in UTF-8"),
    429: ("RATE_LIMITED", "Too many failed authentications"),
    500: ("INTERNAL_ERROR", "Internal server error"),
    503: ("UNAVAILABLE", "Service temporarily unavailable"),
}


class APIError(exceptions.APIException):
    """An error with a status, and a code and message of its own."""

    def __init__(self, status: int, message: str | None = None, *, code: str | None = None) -> None:
        self.status_code = status
        default_code, default_message = ERRORS[status]
        self.code = code or default_code
        super().__init__(message or default_message, self.code)


class InvalidQuery(exceptions.ValidationError):
    """A query parameter that cannot be used; 400 with the parameter's name under ``fields``."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__({parameter: [message]})


def is_api(request: HttpRequest) -> bool:
    """Return whether the request is for ``/v1`` or a path under it."""
    return f"{request.path}/".startswith(API_PREFIX)


def envelope(
    status: int, message: str | None = None, *, code: str | None = None, fields: Any = None
) -> dict[str, Any]:
    """Return the body of an error; a 400 always has ``fields``, if only empty ones."""
    default_code, default_message = ERRORS.get(status) or (
        HTTPStatus(status).name,
        HTTPStatus(status).phrase,
    )
    error: dict[str, Any] = {"code": code or default_code, "message": message or default_message}
    if status == HTTPStatus.BAD_REQUEST:
        error["fields"] = fields or {}
    return {"error": error}


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response:
    """Return the answer to whatever a view under ``/v1/`` raised (DRF's EXCEPTION_HANDLER)."""
    if isinstance(exc, APIError):
        return Response(envelope(exc.status_code, str(exc.detail), code=exc.code), exc.status_code)
    if isinstance(exc, exceptions.ValidationError):
        return Response(envelope(400, fields=_fields(exc.detail)), 400)
    if isinstance(exc, exceptions.ParseError):
        return Response(envelope(400, str(exc.detail)), 400)
    if isinstance(exc, exceptions.APIException):
        return _api_exception(exc, presented=_presents_a_key(context))
    status = _status_of(exc)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        logger.error("unavailable: %s: %s", type(exc).__name__, exc)
    elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("%s under %s", type(exc).__name__, API_PREFIX, exc_info=exc)
    return Response(envelope(status), status, headers=_retry(status))


def _api_exception(exc: exceptions.APIException, *, presented: bool) -> Response:
    status = exc.status_code
    headers: dict[str, str] = {}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = _challenge('error="invalid_token"' if presented else "")
    elif isinstance(exc, LacksPermission):
        headers["WWW-Authenticate"] = _challenge(f'error="insufficient_scope", scope="{exc.permission}"')
    elif isinstance(exc, TooManyFailures):
        headers["Retry-After"] = str(exc.wait)
    own_words = isinstance(exc, exceptions.AuthenticationFailed | exceptions.PermissionDenied)
    return Response(envelope(status, str(exc.detail) if own_words else None), status, headers=headers)


def _challenge(parameters: str) -> str:
    """Return a WWW-Authenticate header (RFC 6750, 3)."""
    return 'Bearer realm="WizChat"' + (f", {parameters}" if parameters else "")


def _presents_a_key(context: Mapping[str, Any]) -> bool:
    return bearer_token(context["request"].META) is not None


def _status_of(exc: BaseException) -> int:
    """Return the status that stands for an exception which is not one of DRF's."""
    match exc:
        case Http404():
            return HTTPStatus.NOT_FOUND
        case PermissionDenied():
            return HTTPStatus.FORBIDDEN
        case RequestDataTooBig():
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        # A Host header that is not ours, above all; a body that broke off.
        case SuspiciousOperation() | UnreadablePostError():
            return HTTPStatus.BAD_REQUEST
        case _ if is_outage(exc):
            return HTTPStatus.SERVICE_UNAVAILABLE
        case _:
            return HTTPStatus.INTERNAL_SERVER_ERROR


def is_outage(exc: BaseException | None) -> bool:
    """Return whether the database or the cache did not do its work, which is no fault of the statement."""
    if isinstance(exc, DataError | IntegrityError | ProgrammingError | NotSupportedError):
        return False
    return isinstance(exc, DatabaseError | InterfaceError | RedisError)


def _retry(status: int) -> dict[str, str]:
    return {"Retry-After": RETRY_AFTER} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}


def _fields(detail: Any) -> dict[str, list[str]]:
    """Return DRF's error detail as ``{name: [text, …]}``, nested names joined by a dot."""
    if not isinstance(detail, dict):
        return {"body": [str(text) for text in detail]}
    fields: dict[str, list[str]] = {}
    for name, texts in detail.items():
        if isinstance(texts, dict):
            fields.update({f"{name}.{inner}": text for inner, text in _fields(texts).items()})
        else:
            fields["body" if name == "non_field_errors" else name] = [str(text) for text in texts]
    return fields


def json_error(status: int) -> JsonResponse:
    """Return the envelope as a plain response, for what never reaches a DRF view."""
    return JsonResponse(envelope(status), status=status, headers=_retry(status))


@csrf_exempt
def unknown_path(request: HttpRequest) -> JsonResponse:
    """Answer any method on a path under ``/v1/`` that is nothing, for anyone."""
    return json_error(404)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer for an exception that nobody caught; Django calls this while it is being handled."""
    status = _status_of(sys.exc_info()[1] or RuntimeError())
    outage = status == HTTPStatus.SERVICE_UNAVAILABLE
    return _answer(request, status if is_api(request) or outage else 500)


def _answer(request: HttpRequest, status: int) -> HttpResponse:
    """Return the error's envelope or page.

    Django's own handlers look for a CSRF token first, and fail with the form that cannot be read.
    """
    if is_api(request):
        return json_error(status)
    return HttpResponse(loader.render_to_string(f"{status}.html"), status=status, headers=_retry(status))
