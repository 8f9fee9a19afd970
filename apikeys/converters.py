"""The part of a URL that names a key, on pages and in the API."""

from __future__ import annotations

from django.urls import register_converter

from apikeys.core import keyformat


class KeyIdConverter:
    regex = f"[0-9A-Za-z]{{{keyformat.ID_LENGTH}}}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(KeyIdConverter, "key_id")
