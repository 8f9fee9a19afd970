"""The part of a URL that names a key: ``<key_id:…>`` on pages, ``<any_key_id:…>`` in the API."""

from __future__ import annotations

from django.urls import register_converter

from apikeys.core import keyformat
from wizchat.api.routes import IdConverter


class KeyIdConverter:
    """Matches only what can be the id of a key."""

    regex = keyformat.ID_PATTERN

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class AnyKeyIdConverter(IdConverter):
    """Matches anything: what can't be the id of a key becomes ``None``, after the request was counted."""

    pattern = keyformat.ID_PATTERN

    def parse(self, value: str) -> str:
        return value


register_converter(KeyIdConverter, "key_id")
register_converter(AnyKeyIdConverter, "any_key_id")
