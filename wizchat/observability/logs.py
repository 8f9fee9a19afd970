"""Logging: one line of JSON per record, never with a key; readable lines while DEBUG is on.

Pure: gunicorn's master process loads it before Django.
"""

from __future__ import annotations

import json
import logging
import textwrap
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from wizchat.observability.redaction import redact

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request that this thread is answering; empty between requests."""


# Django attaches the whole request to a record.
_NOT_EXTRA = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", "request", "response"}
_to_json = json.JSONEncoder(default=str).encode


class JSONLines(logging.Formatter):
    """One JSON object per line, in ASCII, so that no value can start a line or move a cursor."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"level": record.levelname, "logger": record.name, "message": record.getMessage()}
        line |= {name: value for name, value in vars(record).items() if name not in _NOT_EXTRA}
        if record.exc_info:
            line["exc_info"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack_info"] = self.formatStack(record.stack_info)
        line["time"] = datetime.fromtimestamp(record.created, UTC).isoformat()
        if current := request_id.get():
            line["request_id"] = current
        return redact(_to_json(line))


class Lines(logging.Formatter):
    """A line for people; text from a client can't start a new line."""

    def __init__(self) -> None:
        super().__init__("%(levelname)-8s%(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = "".join(
            character if character.isprintable() else ascii(character)[1:-1] for character in record.message
        )
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:
        return textwrap.indent(super().formatException(ei), "    ")


class OneLine(logging.Filter):
    """Limits what a client can log to one line: no traceback for a bad Host header, no second line for a 503.

    The code that notices an outage logs it, and each request has its own line (wizchat.requests).
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == "django.request" and getattr(record, "status_code", 0) == 503:
            return record.exc_info is not None
        if record.name.startswith("django.security."):
            record.exc_info = record.exc_text = None
        return True


# No line shows the code's location, the thread or the process, so don't determine them (logging's
# documentation, "Optimization").
logging._srcfile = None
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def configuration(*, debug: bool) -> dict[str, Any]:
    """Return the argument for ``logging.config.dictConfig``: all logs go to standard error in one format."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": Lines if debug else JSONLines}},
        "filters": {"one_line": {"()": OneLine}},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "lines", "filters": ["one_line"]}
        },
        "root": {"handlers": ["stderr"], "level": "INFO"},
        # Remove the handlers that Django gives its loggers.
        "loggers": {
            "django": {"handlers": []},
            "django.server": {"handlers": [], "propagate": True},
            # A client's mistake is in the line of its request (wizchat.requests).
            "django.request": {"level": "ERROR"},
        },
    }
