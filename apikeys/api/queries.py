"""The query parameters of the endpoints for keys."""

from __future__ import annotations

from rest_framework.request import Request

from apikeys.models import USAGE_KEPT, KeyState
from wizchat.api.errors import InvalidQuery

DEFAULT_DAYS = 30
MAX_DAYS = USAGE_KEPT.days


def state(request: Request) -> KeyState | None:
    """Return the state that ``?state=`` asks for; ``None`` without one."""
    text = request.query_params.get("state")
    if text is None:
        return None
    try:
        return KeyState(text)
    except ValueError:
        raise InvalidQuery("state", f"Must be one of {', '.join(KeyState)}.") from None


def days(request: Request) -> int:
    """Return how many days ``?days=`` asks for."""
    text = request.query_params.get("days", str(DEFAULT_DAYS))
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAX_DAYS):
        raise InvalidQuery("days", f"Must be a whole number from 1 to {MAX_DAYS}.")
    return int(text)


def cascade(request: Request) -> bool:
    """Return whether ``?cascade=true`` asks to revoke the keys that the key created, too."""
    text = request.query_params.get("cascade", "false")
    if text not in {"true", "false"}:
        raise InvalidQuery("cascade", "Must be true or false.")
    return text == "true"
