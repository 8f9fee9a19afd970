from __future__ import annotations

from django.apps import AppConfig


class APIKeysConfig(AppConfig):
    name = "apikeys"
    verbose_name = "API keys"

    def ready(self) -> None:
        import wizchat.email  # noqa: F401  # registers its check
