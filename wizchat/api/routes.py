"""How the API's addresses are declared."""

from __future__ import annotations

from django.urls import URLPattern, path
from rest_framework.views import APIView


def endpoint(route: str, view: type[APIView], name: str) -> list[URLPattern]:
    """Return the patterns of an endpoint, which is served with and without a trailing slash."""
    return [path(route, view.as_view(), name=name), path(f"{route}/", view.as_view())]
