"""What the OpenAPI document says of one endpoint and method, beyond what its view and serializer say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from drf_spectacular.utils import OpenApiParameter

from wizchat.api.catalogue import Error


class Operation(NamedTuple):
    """One operation. ``response`` is a serializer, or ``None`` for no body; ``errors`` are its own."""

    id: str
    tag: str
    summary: str
    description: str
    response: Any = None
    status: int = 200
    request: Any = None
    example: Mapping[str, Any] | list[Mapping[str, Any]] | None = None
    parameters: tuple[OpenApiParameter, ...] = ()
    errors: tuple[Error, ...] = ()


OPERATIONS: dict[tuple[str, str], Operation] = {}
"""By the name of the view's class and the method."""


def describe(view: str, method: str, operation: Operation) -> None:
    OPERATIONS[view, method] = operation
