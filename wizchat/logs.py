"""What every log line goes through. Pure: gunicorn's master loads it before Django is there."""

from __future__ import annotations

import logging

from apikeys.keyformat import redact

_PLAIN = logging.Formatter()


class Redact(logging.Filter):
    """Takes the secrets of keys out of a record: its message, its arguments and its traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = _PLAIN.formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        return True
