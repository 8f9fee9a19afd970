"""WSGI middleware between gunicorn and Django. ``serving.conn`` is the connection that a thread serves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from io import BytesIO
from threading import local
from typing import Any

from wizchat.gunicorn.arrival import BODY_BYTES

Application = Callable[[Any, Any], Iterable[bytes]]

REFUSALS = {"401", "429"}
"""Statuses of a request whose key was not good."""


def noting_refusals(application: Application, serving: local) -> Application:
    """Return ``application``, which leaves on ``serving.conn`` whether it refused the last request."""

    def noting(environ: Any, start_response: Any) -> Iterable[bytes]:
        def start(status: str, *arguments: Any) -> Any:
            serving.conn.refused = status[:3] in REFUSALS
            return start_response(status, *arguments)

        return application(environ, start)

    return noting


def with_whole_bodies(application: Application, serving: local) -> Application:
    """Return ``application``, which gets each body whole and with its length, or its length alone.

    Django reads as far as Content-Length says: a body in chunks would pass for an empty one. A body
    that is too large for every view isn't taken in; views refuse it by its length.
    """

    def whole(environ: Any, start_response: Any) -> Iterable[bytes]:
        in_chunks = environ.pop("HTTP_TRANSFER_ENCODING", None)
        if serving.conn.sock.arrival.is_cut:
            length = environ.get("CONTENT_LENGTH") or str(BODY_BYTES + 1)
            environ |= {"wsgi.input": BytesIO(), "CONTENT_LENGTH": length}
        elif in_chunks:
            body = environ["wsgi.input"].read()
            environ |= {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        return application(environ, start_response)

    return whole
