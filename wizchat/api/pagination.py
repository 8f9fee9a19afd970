"""Pages of what an owner has, newest first.

A cursor names the row that a page begins behind, by ``created_at`` and ``id``: a page costs
the same however far down it is, and rows that are added meanwhile shift nothing. DRF's own
CursorPagination counts rows with the same time off by number, and loses its way among them.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Q
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from wizchat.api.errors import InvalidQuery

if TYPE_CHECKING:
    from rest_framework.views import APIView  # imports the settings' pagination class itself

PAGE_SIZE = 50
MAX_PAGE_SIZE = 200

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

_CURSOR = re.compile(r"([op])([0-9]{1,17})\.([0-9a-f]{32})", re.ASCII)


class Cursor(NamedTuple):
    """The place in the list right behind one row, in one direction."""

    older: bool
    created_at: datetime
    id: UUID

    @classmethod
    def behind(cls, row: Any, *, older: bool) -> Self:
        return cls(older, row.created_at, row.id)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the cursor that ``str()`` made ``text`` of; raise ``ValueError`` for other text."""
        match = _CURSOR.fullmatch(urlsafe_b64decode(text.encode("ascii")).decode("ascii"))
        if match is None:
            raise ValueError("not one of our cursors")
        direction, microseconds, row_id = match.groups()
        return cls(direction == "o", EPOCH + int(microseconds) * MICROSECOND, UUID(row_id))

    def __str__(self) -> str:
        microseconds = (self.created_at - EPOCH) // MICROSECOND
        text = f"{'o' if self.older else 'p'}{microseconds}.{self.id.hex}"
        return urlsafe_b64encode(text.encode("ascii")).decode("ascii")

    def within(self, queryset: Any) -> Any:
        """Return the rows of ``queryset`` that lie behind this cursor, nearest first."""
        if self.older:
            rest = Q(created_at=self.created_at, id__lt=self.id) | Q(created_at__lt=self.created_at)
            return queryset.filter(rest, created_at__lte=self.created_at)
        rest = Q(created_at=self.created_at, id__gt=self.id) | Q(created_at__gt=self.created_at)
        return queryset.filter(rest, created_at__gte=self.created_at).order_by("created_at", "id")


class NewestFirst(BasePagination):
    """``{"next", "previous", "results"}``, ``?page_size=`` up to 200. Rows have ``created_at`` and a UUID."""

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        size = _page_size(request)
        cursor = _cursor(request)
        queryset = queryset.order_by("-created_at", "-id")
        rows = list((cursor.within(queryset) if cursor else queryset)[: size + 1])
        more, rows = len(rows) > size, rows[:size]
        if cursor is not None and not cursor.older:
            rows.reverse()
            has_older, has_newer = True, more
        else:
            has_older, has_newer = more, cursor is not None
        self._next = _link(request, Cursor.behind(rows[-1], older=True)) if rows and has_older else None
        self._previous = _link(request, Cursor.behind(rows[0], older=False)) if rows and has_newer else None
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self._next, "previous": self._previous, "results": data})


def _page_size(request: Request) -> int:
    text = request.query_params.get("page_size")
    if text is None:
        return PAGE_SIZE
    if not (text.isascii() and text.isdigit() and text.strip("0")):
        raise InvalidQuery("page_size", f"Must be a whole number from 1 to {MAX_PAGE_SIZE}.")
    digits = text.lstrip("0")
    return MAX_PAGE_SIZE if len(digits) > len(str(MAX_PAGE_SIZE)) else min(int(digits), MAX_PAGE_SIZE)


def _cursor(request: Request) -> Cursor | None:
    text = request.query_params.get("cursor")
    if text is None:
        return None
    try:
        return Cursor.parse(text)
    except (ValueError, OverflowError) as error:
        raise InvalidQuery("cursor", "This is not a cursor that the API has given out.") from error


def _link(request: Request, cursor: Cursor) -> str:
    """Return the address of another page; of the query as it came it repeats only the page size."""
    query = {"cursor": str(cursor)}
    if "page_size" in request.query_params:
        query["page_size"] = str(_page_size(request))
    return request.build_absolute_uri(f"{request.path}?{urlencode(query)}")
