"""A worker for tests that cannot wait; gunicorn loads it, so it imports no model."""

from __future__ import annotations

from wizchat.gunicorn import worker


class Worker(worker.Worker):
    patience = 1
