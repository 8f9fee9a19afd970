"""A refused key, told to operators: one count, and its reason and id in the line of its request."""

from __future__ import annotations

from typing import NamedTuple

from django.http import HttpRequest

from apikeys.core.metrics import REFUSED


class Refusal(NamedTuple):
    """Why a key was refused, never the key; ``key_id`` is ``None`` if the key names none.

    The id of a key that was not proved may be anyone's.
    """

    reason: str
    key_id: str | None


def note(request: HttpRequest, reason: str, key_id: str | None) -> None:
    """Count that the key of ``request`` was refused, and keep it for the line of the request."""
    REFUSED[reason].inc()
    request.key_refusal = Refusal(reason, key_id)  # type: ignore[attr-defined]  # ours; read below


def noted(request: HttpRequest) -> Refusal | None:
    """Return why the key of ``request`` was refused, if it was."""
    return getattr(request, "key_refusal", None)
