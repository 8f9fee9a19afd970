"""WSGI middleware between gunicorn and Django. ``serving.conn`` is the connection that a thread serves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from io import BytesIO
from threading import local
from typing import Any

from wizchat.gunicorn.arrival import BODY_BYTES

Application = Callable[[Any, Any], Iterable[bytes]]

REFUSED_STATUSES = {"401", "429"}
"""Statuses of requests whose key was refused."""


def noting_refusals(application: Application, serving: local) -> Application:
    """Wrap ``application`` to record on ``serving.conn`` whether it refused the last request."""

    def noting(environ: Any, start_response: Any) -> Iterable[bytes]:
        def start(status: str, *arguments: Any) -> Any:
            serving.conn.refused = status[:3] in REFUSED_STATUSES
            return start_response(status, *arguments)

        return application(environ, start)

    return noting


def with_whole_bodies(application: Application, serving: local) -> Application:
    """Wrap ``application`` so that it gets each body whole and with its length, or only the length.

    Django reads as far as Content-Length says, so it would read a chunked body as empty. A body that
    is too large for every view isn't received; views refuse it by its length.
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
