"""Cursor pagination of an owner's rows, newest first.

A cursor names the row after which a page starts, by ``created_at`` and ``id``, so every page costs the
same, and rows added between two requests don't shift pages. DRF's own CursorPagination uses an offset
among rows with the same time, and skips or repeats some.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Q
from django.http import HttpResponse
from rest_framework.pagination import BasePagination
from rest_framework.request import Request

from wizchat.api.errors import InvalidQuery
from wizchat.api.responses import json_response

if TYPE_CHECKING:
    from rest_framework.views import APIView  # imports the settings' pagination class itself

PAGE_SIZE = 50
MAX_PAGE_SIZE = 200

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

_CURSOR = re.compile(r"([op])([0-9]{1,17})\.([0-9A-Za-z]{1,32})", re.ASCII)


class Cursor(NamedTuple):
    """The place in the list right after one row, in one direction."""

    older: bool
    created_at: datetime
    id: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the cursor whose ``str()`` is ``text``; raise ``ValueError`` for other text."""
        match = _CURSOR.fullmatch(urlsafe_b64decode(text.encode("ascii")).decode("ascii"))
        if match is None:
            raise ValueError("not one of our cursors")
        direction, microseconds, row_id = match.groups()
        return cls(direction == "o", EPOCH + int(microseconds) * MICROSECOND, row_id)

    def __str__(self) -> str:
        microseconds = (self.created_at - EPOCH) // MICROSECOND
        text = f"{'o' if self.older else 'p'}{microseconds}.{self.id}"
        return urlsafe_b64encode(text.encode("ascii")).decode("ascii")

    def within(self, queryset: Any, id_field: str) -> Any:
        """Return the rows of ``queryset`` after this cursor, nearest first."""
        side = "lt" if self.older else "gt"
        same_time = Q(**{"created_at": self.created_at, f"{id_field}__{side}": self.id})
        rest = same_time | Q(**{f"created_at__{side}": self.created_at})
        queryset = queryset.filter(rest, **{f"created_at__{side}e": self.created_at})
        return queryset if self.older else queryset.order_by("created_at", id_field)


Fetch = Callable[[Cursor | None, int], list[Any]]


class NewestFirst(BasePagination):
    """``{"next", "previous", "results"}``, ``?page_size=`` up to 200.

    Rows have ``created_at`` and, in ``id_field``, an id that matches ``id_pattern``, by default a UUID.
    Links repeat the query parameters in ``kept``.
    """

    id_field = "id"
    id_pattern = "[0-9a-f]{32}"
    kept: tuple[str, ...] = ()

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        ordered = queryset.order_by("-created_at", f"-{self.id_field}")

        def fetch(cursor: Cursor | None, limit: int) -> list[Any]:
            return list((cursor.within(ordered, self.id_field) if cursor else ordered)[:limit])

        return self.page(request, fetch, attrgetter("created_at", self.id_field))

    def page(
        self, request: Request, fetch: Fetch, position: Callable[[Any], tuple[datetime, Any]]
    ) -> list[Any]:
        """Return the rows of the page that ``request`` asks for.

        ``fetch`` returns the rows after a cursor, nearest first; ``position`` returns a row's
        ``created_at`` and id.
        """
        size = _page_size(request)
        cursor = self._cursor(request)
        rows = fetch(cursor, size + 1)
        more, rows = len(rows) > size, rows[:size]
        if cursor is not None and not cursor.older:
            rows.reverse()
            has_older, has_newer = True, more
        else:
            has_older, has_newer = more, cursor is not None
        self._next = self._link(request, *position(rows[-1]), older=True) if rows and has_older else None
        self._previous = self._link(request, *position(rows[0]), older=False) if rows and has_newer else None
        return rows

    def get_paginated_response(self, data: Any) -> HttpResponse:  # type: ignore[override]  # DRF's returns a Response to render
        return json_response({"next": self._next, "previous": self._previous, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        properties = {
            "next": link | {"description": "The next page, with older objects; null on the last one."},
            "previous": link | {"description": "The previous page; null on the first one."},
            "results": schema | {"description": "The objects of this page, newest first."},
        }
        return {"type": "object", "required": list(properties), "properties": properties}

    def _cursor(self, request: Request) -> Cursor | None:
        text = request.query_params.get("cursor")
        if text is None:
            return None
        try:
            cursor = Cursor.parse(text)
        except (ValueError, OverflowError):
            cursor = None
        if cursor is None or not re.fullmatch(self.id_pattern, cursor.id):
            raise InvalidQuery("cursor", "This is not a valid cursor. Use the URLs in next and previous.")
        return cursor

    def _link(self, request: Request, created_at: datetime, row_id: Any, *, older: bool) -> str:
        """Return the URL of the page after a row, with the query parameters that the view knows."""
        cursor = Cursor(older, created_at, row_id.hex if isinstance(row_id, UUID) else row_id)
        query = {"cursor": str(cursor)}
        if "page_size" in request.query_params:
            query["page_size"] = str(_page_size(request))
        query |= {name: request.query_params[name] for name in self.kept if name in request.query_params}
        return request.build_absolute_uri(f"{request.path}?{urlencode(query)}")


def _page_size(request: Request) -> int:
    text = request.query_params.get("page_size")
    if text is None:
        return PAGE_SIZE
    if not (text.isascii() and text.isdigit() and text.strip("0")):
        raise InvalidQuery("page_size", f"Must be a whole number from 1 to {MAX_PAGE_SIZE}.")
    digits = text.lstrip("0")
    return MAX_PAGE_SIZE if len(digits) > len(str(MAX_PAGE_SIZE)) else min(int(digits), MAX_PAGE_SIZE)
