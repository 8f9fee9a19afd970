"""How the API's URLs are declared."""

from __future__ import annotations

import re
from uuid import UUID

from django.urls import URLPattern, path, register_converter
from django.urls.converters import UUIDConverter
from rest_framework.views import APIView


class IdConverter:
    """Matches anything in place of an id; what can't be an id becomes ``None``, which no object has.

    Such a path still reaches the view, so that a request needs a key and is counted before it gets 404.
    """

    regex = "[^/]+"
    pattern = UUIDConverter.regex

    def to_python(self, value: str) -> UUID | str | None:
        return self.parse(value) if re.fullmatch(self.pattern, value, re.ASCII) else None

    def parse(self, value: str) -> UUID | str:
        return UUID(value)

    def to_url(self, value: object) -> str:
        return str(value)


register_converter(IdConverter, "id")


def endpoint(route: str, view: type[APIView], name: str) -> list[URLPattern]:
    """Return the patterns of an endpoint, which is served with and without a trailing slash."""
    return [path(route, view.as_view(), name=name), path(f"{route}/", view.as_view())]
