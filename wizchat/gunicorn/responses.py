"""The responses that gunicorn sends itself, in the API's envelope."""

from __future__ import annotations

import json

from gunicorn.http import errors

from wizchat.api import catalogue
from wizchat.api.catalogue import Error

# The application or its configuration is to blame for these, not the client.
_OURS = (
    errors.ConfigurationProblem,
    errors.InvalidResponseHeader,  # type: ignore[attr-defined]  # newer than the stubs
    errors.InvalidResponseHeaderName,  # type: ignore[attr-defined]  # newer than the stubs
)


def error_for(exc: BaseException) -> Error:
    """Return the error to send when ``exc`` ends a request."""
    match exc:
        case errors.LimitRequestLine():
            return catalogue.URI_TOO_LONG
        case errors.LimitRequestHeaders():
            return catalogue.HEADERS_TOO_LARGE
        case errors.ParseException() if not isinstance(exc, _OURS):
            return catalogue.INVALID_HTTP
        case _:
            return catalogue.INTERNAL_ERROR


def response(error: Error) -> bytes:
    """Return a complete HTTP response with ``error`` that closes the connection."""
    body = json.dumps(error.body())
    headers = (
        f"HTTP/1.1 {error.status_line}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "Vary: Authorization",
        "X-Content-Type-Options: nosniff",
        "Connection: close",
    )
    return "\r\n".join([*headers, "", body]).encode()
