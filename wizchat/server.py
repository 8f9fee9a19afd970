"""What gunicorn is taught: errors in the API's shape, logs without secrets, no stalled threads.

Gunicorn's master loads this before Django is there: nothing here may need a model or a setting.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from gunicorn import glogging, util
from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

from wizchat.logs import JSONLines

# Raised for what the application or its configuration did, not the client.
_OURS = (
    errors.ConfigurationProblem,
    errors.InvalidResponseHeader,  # type: ignore[attr-defined]  # newer than the stubs
    errors.InvalidResponseHeaderName,  # type: ignore[attr-defined]  # newer than the stubs
)


class Worker(ThreadWorker):
    """Threads that answer for the server as the API would, and wait for nobody without end."""

    patience = 20
    """Seconds for which a client may fall silent in the middle of a request."""

    def handle(self, conn: Any) -> Any:
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", self.patience, 0))
        return super().handle(conn)

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
    """Lines in the shape of the others; of a request the path without its query, and no header."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            for handler in log.handlers:
                handler.setFormatter(JSONLines())

    def exception(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        if isinstance(sys.exception(), BlockingIOError):  # how a read ends when patience does
            self.info("A client fell silent in the middle of a request")
        else:
            super().exception(msg, *args, **kwargs)

    def access(self, resp: Any, req: Any, environ: Mapping[str, Any], request_time: timedelta) -> None:
        if not self.access_log_enabled:
            return
        path = quote(environ.get("PATH_INFO", "").encode("latin-1", "replace"))
        self.access_log.info(
            "%s %s",
            environ["REQUEST_METHOD"],
            path,
            extra={
                "address": environ.get("REMOTE_ADDR"),
                "status": int(str(resp.status).partition(" ")[0]),
                "bytes": resp.sent,
                "milliseconds": round(request_time / timedelta(milliseconds=1), 1),
            },
        )
