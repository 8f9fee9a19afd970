"""Times in the admin, as on all other pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin

from apikeys.pages.times import moment


def moment_of(field: str) -> Callable[[Any, Any], str | None]:
    """Return a method of a ``ModelAdmin`` that shows the time in ``field``."""

    @admin.display(description=field.replace("_", " "), ordering=field, empty_value="Never")
    def shown(self: Any, obj: Any) -> str | None:
        at = getattr(obj, field)
        return moment(at) if at else None

    return shown
