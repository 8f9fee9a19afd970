"""The endpoints for keys under ``/v1/``, each with and without a trailing slash."""

from __future__ import annotations

from django.urls import register_converter

from apikeys.api import views
from apikeys.core import keyformat
from wizchat.api.routes import IdConverter, endpoint

app_name = "keys"


class KeyIdConverter(IdConverter):
    """The public id of a key."""

    pattern = keyformat.ID_PATTERN

    def parse(self, value: str) -> str:
        return value


register_converter(KeyIdConverter, "id_of_key")

urlpatterns = [
    *endpoint("key", views.CurrentKey, "current"),
    *endpoint("keys", views.KeyList, "list"),
    *endpoint("keys/<id_of_key:key_id>", views.KeyDetail, "detail"),
    *endpoint("keys/<id_of_key:key_id>/rotate", views.KeyRotate, "rotate"),
    *endpoint("keys/<id_of_key:key_id>/usage", views.KeyUsage, "usage"),
]
