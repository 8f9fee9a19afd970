"""Describes operations for the OpenAPI document, beyond what their views and serializers say.

A view declares its ``operations`` by method, as it does its ``required_permissions``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from wizchat.api.catalogue import Error
from wizchat.api.pagination import MAX_PAGE_SIZE, PAGE_SIZE

PAGES = (
    OpenApiParameter(
        "page_size",
        {"type": "integer", "minimum": 1, "default": PAGE_SIZE},
        description=f"Objects per page. A value over {MAX_PAGE_SIZE} means {MAX_PAGE_SIZE}.",
    ),
    OpenApiParameter("cursor", OpenApiTypes.STR, description="Comes with the URLs in `next` and `previous`."),
)


class Operation(NamedTuple):
    """One operation: ``example`` is the body of an example request, ``answer`` that of its response.

    ``request`` and ``response`` are serializers, or ``None`` for no body. ``headers`` are those of a
    successful response, ``errors`` those specific to the operation. ``takes_any_type`` is true if the
    operation accepts any Content-Type.
    """

    id: str
    tag: str
    summary: str
    description: str
    response: Any = None
    status: int = 200
    answer: Any = None
    request: Any = None
    example: Any = None
    takes_any_type: bool = False
    parameters: tuple[OpenApiParameter, ...] = ()
    headers: tuple[str, ...] = ()
    errors: tuple[Error, ...] = ()


def page(*rows: Mapping[str, Any]) -> dict[str, Any]:
    """Return the only page of a short list."""
    return {"next": None, "previous": None, "results": list(rows)}
