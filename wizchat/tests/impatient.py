"""A worker for tests that cannot wait; gunicorn loads it, so it imports no model."""

from __future__ import annotations

from wizchat import server


class Worker(server.Worker):
    patience = 1
