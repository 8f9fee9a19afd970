"""Gunicorn's log, in the format of all other logs."""

from __future__ import annotations

import sys
from typing import Any

from gunicorn import glogging

from wizchat.observability.logs import JSONLines


class Logger(glogging.Logger):
    """Logs JSON lines, but not requests: TelemetryMiddleware logs those."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(JSONLines())

    def exception(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        if isinstance(sys.exception(), TimeoutError):
            self.info("A client did not read its response")
        else:
            super().exception(msg, *args, **kwargs)
