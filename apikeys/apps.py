from __future__ import annotations

from django.apps import AppConfig


class APIKeysConfig(AppConfig):
    name = "apikeys"
    verbose_name = "API keys"

    def ready(self) -> None:
        from apikeys.models import KeyEvent, event_recorded
        from apikeys.notices.queue import queue_event
        from apikeys.usage import deletion  # noqa: F401  # connects its receiver

        event_recorded.connect(queue_event, KeyEvent, dispatch_uid="notices.queue_event")
