"""Every error that the API sends, declared once: status, code, message and meaning.

The exception handler, gunicorn's own responses, the reference and the OpenAPI document all read this.
It doesn't import Django, because gunicorn's master process loads it first.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import NamedTuple


class Error(NamedTuple):
    """One error: ``message`` is in the response body, ``meaning`` in the reference.

    ``headers`` names the headers that the response always has.
    """

    status: int
    code: str
    message: str
    meaning: str
    headers: tuple[str, ...] = ()

    @property
    def status_line(self) -> str:
        """Return the status as HTTP/1.1 writes it, such as ``404 Not Found``."""
        return f"{self.status} {HTTPStatus(self.status).phrase}"

    def body(self, message: str | None = None, fields: object = None) -> dict[str, object]:
        """Return the envelope, with another ``message`` if given; a 400 always has ``fields``."""
        error: dict[str, object] = {"code": self.code, "message": message or self.message}
        if self.status == HTTPStatus.BAD_REQUEST:
            error["fields"] = fields or {}
        return {"error": error}


INVALID_REQUEST = Error(
    400,
    "VALIDATION_ERROR",
    "The request is not valid",
    "The body or a query parameter isn't valid; “fields” says which field and why.",
)
INVALID_HTTP = Error(
    400, "VALIDATION_ERROR", "The request is not valid HTTP", "WizChat couldn't parse the request."
)
KEY_REQUIRED = Error(
    401,
    "UNAUTHORIZED",
    "API key required",
    "The request has no “Authorization: Bearer” header.",
    headers=("WWW-Authenticate",),
)
INVALID_KEY = Error(
    401,
    "UNAUTHORIZED",
    "Invalid API key",
    "The key is mistyped or unknown, or its owner's account is closed.",
    headers=("WWW-Authenticate",),
)
KEY_REVOKED = Error(
    401,
    "UNAUTHORIZED",
    "API key has been revoked",
    "The key was revoked. Use another one.",
    headers=("WWW-Authenticate",),
)
KEY_EXPIRED = Error(
    401,
    "UNAUTHORIZED",
    "API key has expired",
    "The key's expiry date has passed. Use another one.",
    headers=("WWW-Authenticate",),
)
IP_NOT_ALLOWED = Error(
    403,
    "FORBIDDEN",
    "IP address not allowed",
    "The key has a list of allowed addresses, and yours isn't on it.",
)
LACKS_MESSAGE = 'This API key lacks the "{permission}" permission'
LACKS_PERMISSION = Error(
    403,
    "FORBIDDEN",
    LACKS_MESSAGE.format(permission="write"),
    "The key doesn't have the permission that this request needs; the message names it.",
    headers=("WWW-Authenticate",),
)
ESCALATION = Error(
    403,
    "FORBIDDEN",
    "A key cannot grant more than it has",
    "The new or changed key would have more permissions or addresses, or expire later, than the key you use.",
)
INVALID_SIGNATURE = Error(
    403,
    "FORBIDDEN",
    "Invalid signature",
    "The report to the secret scanning endpoint isn't signed with one of GitHub's keys.",
)
HTTPS_REQUIRED = Error(
    403,
    "HTTPS_REQUIRED",
    "HTTPS is required",
    "The request came over plain HTTP. If it carried a key, rotate that key.",
)
NOT_FOUND = Error(404, "NOT_FOUND", "Not found", "It doesn't exist, or it belongs to another account.")
METHOD_NOT_ALLOWED = Error(
    405,
    "METHOD_NOT_ALLOWED",
    "Method not allowed",
    "This endpoint doesn't support that method.",
    headers=("Allow",),
)
REQUEST_TIMEOUT = Error(
    408, "REQUEST_TIMEOUT", "The request took too long", "The whole request didn't arrive within 60 seconds."
)
CHATBOT_INACTIVE = Error(
    409, "CHATBOT_INACTIVE", "The chatbot is inactive", "The chatbot is switched off and accepts no messages."
)
KEY_ENDED = Error(
    409, "KEY_ENDED", "The key is revoked or expired", "A revoked or expired key can't be changed or rotated."
)
ALREADY_ROTATED = Error(
    409,
    "ALREADY_ROTATED",
    "The key has already been rotated",
    "The key has a successor; the “Location” header has its URL.",
    headers=("Location",),
)
ALREADY_CREATED = Error(
    409,
    "ALREADY_CREATED",
    "This Idempotency-Key has already created a key",
    "An earlier request with the same “Idempotency-Key” created a key; “Location” has its URL.",
    headers=("Location",),
)
LENGTH_REQUIRED = Error(
    411,
    "LENGTH_REQUIRED",
    "The request needs a Content-Length",
    "The body was sent without a Content-Length header.",
)
PAYLOAD_TOO_LARGE = Error(
    413, "PAYLOAD_TOO_LARGE", "The request body is too large", "The body is over 256 KiB."
)
URI_TOO_LONG = Error(414, "URI_TOO_LONG", "The URI is too long", "The request line is over 8 KiB.")
UNSUPPORTED_MEDIA_TYPE = Error(
    415,
    "UNSUPPORTED_MEDIA_TYPE",
    "The request body must be application/json in UTF-8",
    "Send the body as application/json in UTF-8.",
)
RATE_LIMITED = Error(
    429,
    "RATE_LIMITED",
    "Rate limit exceeded",
    "The key sent more requests than its limit allows. Retry after “Retry-After” seconds.",
    headers=("Retry-After",),
)
TOO_MANY_FAILURES = Error(
    429,
    "RATE_LIMITED",
    "Too many failed authentications",
    "Too many requests from your address had an invalid key. Retry after “Retry-After” seconds.",
    headers=("Retry-After",),
)
TOO_MANY_REPORTS = Error(
    429,
    "RATE_LIMITED",
    "Too many reports",
    "Your address reported leaked keys more than 60 times in an hour. Retry after “Retry-After” seconds.",
    headers=("Retry-After",),
)
HEADERS_TOO_LARGE = Error(
    431,
    "HEADERS_TOO_LARGE",
    "The request headers are too large",
    "The request has too many headers, or one that is too long.",
)
INTERNAL_ERROR = Error(
    500, "INTERNAL_ERROR", "Internal server error", "An error on our side. We've been notified."
)
UNAVAILABLE = Error(
    503,
    "UNAVAILABLE",
    "Service temporarily unavailable",
    "A service that WizChat depends on isn't responding. Retry after “Retry-After” seconds.",
    headers=("Retry-After",),
)

ERRORS: tuple[Error, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Error))
"""In the order in which they are declared, which is by status."""

_BY_STATUS = {error.status: error for error in reversed(ERRORS) if error.status not in {403, 409}}
"""Each error with these two statuses says something specific, so none can stand for the status."""


def for_status(status: int) -> Error:
    """Return the error for a response with ``status`` that has none of its own."""
    known = _BY_STATUS.get(status)
    if known is not None:
        return known
    plain = HTTPStatus(status)
    return Error(status, plain.name, plain.phrase, plain.description)
