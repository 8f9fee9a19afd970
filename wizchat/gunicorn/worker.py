"""What gunicorn is taught: errors in the API's shape, logs without secrets, no stalled threads.

Gunicorn's master loads this before Django is there: nothing here may need a model or a setting.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO
from threading import local
from typing import Any

from gunicorn import glogging, util
from gunicorn.http import errors
from gunicorn.workers import gthread

from wizchat.observability.logs import JSONLines

Application = Callable[[Any, Any], Iterable[bytes]]

CHUNKED_BYTES = 4 * 1024 * 1024
"""What is read of a body that comes in chunks: more than any view takes, so that none is cut."""

PAUSE = 0.001
"""Seconds before each request of the lane for refused connections: the process is the others' then."""

REFUSALS = {"401", "429"}
"""Statuses of a request whose key was not good."""

HANG_UP_SECONDS, HANG_UP_BYTES = 5, 128 * 1024 * 1024
"""How long, and how much, a client may go on sending that has been answered already."""

# Raised for what the application or its configuration did, not the client.
_OURS = (
    errors.ConfigurationProblem,
    errors.InvalidResponseHeader,  # type: ignore[attr-defined]  # newer than the stubs
    errors.InvalidResponseHeaderName,  # type: ignore[attr-defined]  # newer than the stubs
)


class TwoLanes(ThreadPoolExecutor):
    """Threads for everyone, and one beside them for connections whose last request was refused.

    Guesses queue behind each other there, so that a flood of them takes one thread's share
    from everyone else. A connection is back in the fast lane after its first good request.
    """

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self._refused = ThreadPoolExecutor(1)

    def submit(self, handle: Any, /, conn: Any) -> Future[Any]:  # type: ignore[override]  # as gunicorn calls it
        if getattr(conn, "refused", False):
            return self._refused.submit(_after_a_pause, handle, conn)
        return super().submit(handle, conn)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait, cancel_futures=cancel_futures)
        self._refused.shutdown(wait, cancel_futures=cancel_futures)


def _after_a_pause(handle: Any, conn: Any) -> Any:
    # A flood of guesses leaves a good key a p95 of 1.6 ms with it, of 4 ms without (decision 11).
    time.sleep(PAUSE)
    return handle(conn)


class Worker(gthread.ThreadWorker):
    """Threads that answer for the server as the API would, and wait for nobody without end."""

    patience = 20
    """Seconds for which a client may fall silent in the middle of a request."""

    def get_thread_pool(self) -> TwoLanes:
        return TwoLanes(self.cfg.threads)

    def load_wsgi(self) -> None:
        super().load_wsgi()
        self._serving = local()
        self.wsgi = noting_refusals(measuring_chunks(self.wsgi), self._serving)

    def handle(self, conn: Any) -> Any:
        if not (conn.initialized or conn.data_ready or conn.wait_for_data(0)):
            # Browsers connect before they know what to ask: no thread waits for that.
            return gthread._DEFER  # type: ignore[attr-defined]  # not in the stubs
        self._serving.conn = conn
        # One that is refused and slow would hold up all that are only refused.
        patience = min(self.patience, 2) if getattr(conn, "refused", False) else self.patience
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", patience, 0))
        kept = super().handle(conn)
        if not kept:
            _hang_up(conn.sock)
        return kept

    def _cap_keepalive(self, deadline: float) -> None:
        """Let a worker that stops wait no longer for those who never asked than for those who have."""
        super()._cap_keepalive(deadline)  # type: ignore[misc]  # not in the stubs
        for conn in self.pending_conns:
            conn.timeout = deadline

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that was refused before it reached Django, or that broke gunicorn.

        The exception's text quotes the request, which may hold a key: the log gets its class alone.
        """
        status, error = _answer_to(exc)
        if status == "500 Internal Server Error":
            self.log.error("Error handling a request", exc_info=exc)
        else:
            self.log.warning("%s from %s: %s", type(exc).__name__, addr[0] if addr else "-", status)
        with suppress(OSError):
            util.write_nonblock(client, _response(status, error))


def _hang_up(sock: socket.socket) -> None:
    """Say that nothing follows, and hear the client out: until then many do not read the answer.

    Gunicorn does so itself, for less than a large body, and in the one thread that all
    connections need; it finds nothing left to wait for.
    """
    deadline, left = time.monotonic() + HANG_UP_SECONDS, HANG_UP_BYTES
    with suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
        sock.settimeout(0.5)
        while time.monotonic() < deadline and left > 0 and (heard := sock.recv(65536)):
            left -= len(heard)
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RD)


def noting_refusals(application: Application, serving: local) -> Application:
    """Return ``application``, which leaves on ``serving.conn`` whether it refused the last request."""

    def noting(environ: Any, start_response: Any) -> Iterable[bytes]:
        def start(status: str, *arguments: Any) -> Any:
            serving.conn.refused = status[:3] in REFUSALS
            return start_response(status, *arguments)

        return application(environ, start)

    return noting


def measuring_chunks(application: Application) -> Application:
    """Return ``application``, which gets a body that came in chunks with its length.

    Django reads as far as Content-Length says: such a body would pass for an empty one.
    """

    def measuring(environ: Any, start_response: Any) -> Iterable[bytes]:
        if environ.pop("HTTP_TRANSFER_ENCODING", None):
            body = environ["wsgi.input"].read(CHUNKED_BYTES)
            environ |= {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        return application(environ, start_response)

    return measuring


def _answer_to(exc: BaseException) -> tuple[str, dict[str, object]]:
    """Return the status line and the ``error`` of the envelope that stand for ``exc``."""
    match exc:
        case errors.LimitRequestLine():
            return "414 URI Too Long", {"code": "URI_TOO_LONG", "message": "The URI is too long"}
        case errors.LimitRequestHeaders():
            message = "The request headers are too large"
            return "431 Request Header Fields Too Large", {"code": "HEADERS_TOO_LARGE", "message": message}
        case errors.ParseException() if not isinstance(exc, _OURS):
            message = "The request is not valid HTTP"
            return "400 Bad Request", {"code": "VALIDATION_ERROR", "message": message, "fields": {}}
        case _:
            message = "Internal server error"
            return "500 Internal Server Error", {"code": "INTERNAL_ERROR", "message": message}


def _response(status: str, error: Mapping[str, object]) -> bytes:
    body = json.dumps({"error": error})
    headers = (
        f"HTTP/1.1 {status}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "Vary: Authorization",
        "X-Content-Type-Options: nosniff",
        "Connection: close",
    )
    return "\r\n".join([*headers, "", body]).encode()


class Logger(glogging.Logger):
    """Lines in the shape of the others; a request's own line is written by TelemetryMiddleware."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(JSONLines())

    def exception(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        if isinstance(sys.exception(), BlockingIOError):  # how a read ends when patience does
            self.info("A client fell silent in the middle of a request")
        else:
            super().exception(msg, *args, **kwargs)
