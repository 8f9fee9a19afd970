"""A worker with short timeouts for tests; gunicorn loads it before Django, so it imports no models."""

from __future__ import annotations

from wizchat.gunicorn import worker


class Worker(worker.Worker):
    """Gives clients a second instead of a minute, and only a little memory."""

    request_seconds = 1
    answer_seconds = 1
    hang_up_seconds = 1
    held_bytes = 1024 * 1024
