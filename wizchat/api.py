"""What every endpoint under ``/v1/`` shares: parsing, negotiation, pages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import IO, TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlencode

from django.conf import settings
from django.utils.dateparse import parse_datetime
from rest_framework.exceptions import NotFound, ParseError, UnsupportedMediaType
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from wizchat.errors import APIError, InvalidQuery

if TYPE_CHECKING:
    from rest_framework.views import APIView  # imports this module itself

UTF_8 = {"utf-8", "utf8"}


class StrictJSONParser(BaseParser):
    """One JSON object (RFC 8259) in UTF-8, of bounded size; anything else is a clear error."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        request = (parser_context or {})["request"]
        charset = request.content_params.get("charset", "utf-8")
        if charset.lower() not in UTF_8:
            raise UnsupportedMediaType(request.content_type)
        body = stream.read(settings.API_MAX_BODY_BYTES + 1)
        if len(body) > settings.API_MAX_BODY_BYTES:
            raise APIError(413)
        return _json_object(body)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ParseError("The request body is not valid JSON") from error
    if not isinstance(value, dict):
        raise ParseError("The request body must be a JSON object")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


class AlwaysJSON(BaseContentNegotiation):
    """The API speaks JSON whatever ``Accept`` says."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        content_type = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == content_type), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return JSONRenderer(), "application/json"


class NewestFirst(CursorPagination):
    """Pages of ``page_size`` by ``created_at``, newest first; links carry only what we know."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"
    ordering = ("-created_at", "-id")

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any] | None:
        try:
            page: list[Any] | None = super().paginate_queryset(queryset, request, view)
        except NotFound as error:
            raise InvalidQuery("cursor", "This is not a cursor that the API has given out.") from error
        # Not the address as it came: whatever a client put into the query would be handed on.
        self.base_url = request.build_absolute_uri(request.path)
        if self.page_size_query_param in request.query_params:
            self.base_url += "?" + urlencode({self.page_size_query_param: self.page_size})
        return page

    def get_page_size(self, request: Request) -> int:
        text = request.query_params.get(self.page_size_query_param)
        if text is None:
            return self.page_size
        if not (text.isascii() and text.isdigit()) or not text.strip("0"):
            raise InvalidQuery("page_size", f"Must be a whole number from 1 to {self.max_page_size}.")
        return self.max_page_size if len(text) > 4 else min(int(text), self.max_page_size)

    def decode_cursor(self, request: Request) -> Any:
        cursor = super().decode_cursor(request)
        if cursor == Cursor(offset=0, reverse=False, position=None):
            raise NotFound  # what DRF makes of text that says nothing
        if cursor is not None and cursor.position is not None:
            _require_datetime(str(cursor.position))
        return cursor

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self.get_next_link(), "previous": self.get_previous_link(), "results": data})


def _require_datetime(position: str) -> None:
    try:
        moment = parse_datetime(position)
        if moment is None or moment.tzinfo is None:
            raise ValueError("not a time with its zone")
        moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise NotFound from error
