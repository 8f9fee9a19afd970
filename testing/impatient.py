"""Workers with small limits for tests; gunicorn loads them before Django, so they import no models."""

from __future__ import annotations

from wizchat.gunicorn import worker


class Worker(worker.Worker):
    """Gives clients a few seconds instead of a minute: enough for the test's own client to send."""

    request_seconds = 3
    answer_seconds = 1
    hang_up_seconds = 1


class SmallWorker(worker.Worker):
    """Gives clients only a little memory, and as much time as in production."""

    held_bytes = 1024 * 1024
