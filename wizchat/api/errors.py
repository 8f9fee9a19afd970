"""The API's error envelope: ``{"error": {"code": …, "message": …}}``, for every failure."""

from __future__ import annotations

import logging
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
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from redis.exceptions import RedisError
from rest_framework import exceptions

from wizchat.api import catalogue
from wizchat.api.catalogue import Error
from wizchat.api.responses import json_response, without_surrogates

API_PREFIX = "/v1/"
RETRY_AFTER = "5"
"""Seconds that clients should wait when a service has failed."""

logger = logging.getLogger(__name__)


class APIError(exceptions.APIException):
    """One error of the catalogue, optionally with a more specific message."""

    def __init__(
        self, error: Error, message: str | None = None, *, headers: Mapping[str, str] | None = None
    ) -> None:
        # Skip DRF's own __init__, which converts lists and lazy text: a message is plain text already.
        self.detail = exceptions.ErrorDetail(message or error.message)
        self.error = error
        self.status_code = error.status
        self.headers = headers or {}


class InvalidQuery(exceptions.ValidationError):
    """An invalid query parameter: 400 with its name under ``fields``."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__({parameter: [message]})


def is_api(request: HttpRequest) -> bool:
    """Return whether the request is for ``/v1`` or a path under it."""
    return f"{request.path}/".startswith(API_PREFIX)


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """Return the response to any exception of a view under ``/v1/`` (DRF's EXCEPTION_HANDLER)."""
    if isinstance(exc, APIError):
        return _response(exc.error, str(exc.detail), headers=exc.headers)
    if isinstance(exc, exceptions.ValidationError):
        return _response(catalogue.INVALID_REQUEST, fields=_fields(exc.detail))
    if isinstance(exc, exceptions.ParseError):
        return _response(catalogue.INVALID_REQUEST, str(exc.detail))
    if isinstance(exc, exceptions.APIException):
        return _response(catalogue.for_status(exc.status_code))
    status = status_of(exc)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        logger.error("unavailable: %s: %s", type(exc).__name__, exc)
    elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("%s under %s", type(exc).__name__, API_PREFIX, exc_info=exc)
    return _response(catalogue.for_status(status), headers=retry_headers(status))


def _response(
    error: Error,
    message: str | None = None,
    *,
    fields: object = None,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    return json_response(error.body(message, fields), error.status, headers)


def status_of(exc: BaseException) -> int:
    """Return the status for an exception that isn't one of DRF's."""
    match exc:
        case Http404():
            return HTTPStatus.NOT_FOUND
        case PermissionDenied():
            return HTTPStatus.FORBIDDEN
        case RequestDataTooBig():
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        # Mostly a Host header that isn't ours, or a body that broke off.
        case SuspiciousOperation() | UnreadablePostError():
            return HTTPStatus.BAD_REQUEST
        case _ if is_outage(exc):
            return HTTPStatus.SERVICE_UNAVAILABLE
        case _:
            return HTTPStatus.INTERNAL_SERVER_ERROR


def is_outage(exc: BaseException | None) -> bool:
    """Return whether the database or the cache failed, rather than one statement."""
    if isinstance(exc, DataError | IntegrityError | ProgrammingError | NotSupportedError):
        return False
    return isinstance(exc, DatabaseError | InterfaceError | RedisError)


def retry_headers(status: int) -> dict[str, str]:
    return {"Retry-After": RETRY_AFTER} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}


def _fields(detail: Any) -> dict[str, list[str]]:
    """Return DRF's error detail as ``{name: [text, …]}``, nested names joined by a dot."""
    if not isinstance(detail, dict):
        return {"body": _texts(detail)}
    fields: dict[str, list[str]] = {}
    for name, texts in detail.items():
        if isinstance(texts, dict):
            fields.update({f"{name}.{inner}": text for inner, text in _fields(texts).items()})
        else:
            fields["body" if name == "non_field_errors" else name] = _texts(texts)
    return fields


def _texts(texts: Any) -> list[str]:
    return [without_surrogates(str(text)) for text in texts]


def json_error(error: Error) -> HttpResponse:
    """Return the envelope as a plain response, for requests that never reach a DRF view."""
    return json_response(error.body(), error.status, retry_headers(error.status))


@csrf_exempt
def unknown_path(request: HttpRequest) -> HttpResponse:
    """Answer any method on an unknown path under ``/v1/``, with or without a key."""
    return json_error(catalogue.NOT_FOUND)
