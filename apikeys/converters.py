"""The part of a URL that names a key, on pages and in the API."""

from __future__ import annotations

from django.urls import register_converter

from apikeys.core import keyformat


class KeyIdConverter:
    regex = keyformat.ID_PATTERN

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(KeyIdConverter, "key_id")
