"""The parsing and content negotiation of every endpoint under ``/v1/``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import IO, Any, NoReturn

from django.conf import settings
from django.utils.module_loading import import_string
from rest_framework.exceptions import ParseError, UnsupportedMediaType, ValidationError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from wizchat.api import catalogue
from wizchat.api.errors import APIError
from wizchat.api.responses import without_surrogates

UTF_8 = {"utf-8", "utf8"}
MAX_NAMED = 20
"""The most unknown fields that one response names."""
MAX_NAME_LENGTH = 100


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
        # Check the header, because the server doesn't receive a body that is too large for every view.
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.API_MAX_BODY_BYTES:
            raise APIError(catalogue.PAYLOAD_TOO_LARGE)
        return _json_object(stream.read())


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise ParseError("The request body is not valid JSON") from error
    if not isinstance(value, dict):
        raise ParseError("The request body must be a JSON object")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; refuse duplicate names, which parsers treat differently (RFC 8259, section 4)."""
    value = dict(pairs)
    if len(value) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        repeated = [name for name, count in counts.items() if count > 1]
        raise ValidationError(named(repeated, "This field occurs more than once."))
    return value


def named(names: Iterable[str], problem: str) -> dict[str, list[str]]:
    """Return ``problem`` for each of the ``names`` that a client chose, made safe to send back."""
    return {_printable(name): [problem] for name in islice(names, MAX_NAMED)}


def _printable(name: str) -> str:
    """Return ``name`` without lone surrogates and secrets, at most ``MAX_NAME_LENGTH`` characters."""
    redact: Callable[[str], str] = import_string(settings.API_REDACTOR)
    return redact(without_surrogates(name))[:MAX_NAME_LENGTH]


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


class AlwaysJSON(BaseContentNegotiation):
    """Parses JSON and responds in JSON, whatever ``Accept`` says."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        content_type = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == content_type), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the renderer of a plain DRF view; an ``Endpoint`` renders by itself."""
        return JSONRenderer(), JSONRenderer.media_type
