"""The API's responses: orjson serialises them at once, so there is nothing left to render."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from django.http import HttpResponse

CONTENT_TYPE = "application/json"
OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC
"""Writes times in UTC with a ``Z``, as Django REST framework does."""


def without_surrogates(text: str) -> str:
    """Return ``text`` with lone surrogates escaped: JSON in requests can contain them, but UTF-8 can't."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def json_response(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    return HttpResponse(orjson.dumps(data, option=OPTIONS), CONTENT_TYPE, status, headers=headers)


def no_content() -> HttpResponse:
    """Return a 204, without a body and so without a Content-Type."""
    response = HttpResponse(status=204)
    del response.headers["Content-Type"]
    return response
