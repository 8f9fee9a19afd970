"""Settings > API."""

from __future__ import annotations

from django.urls import path, register_converter

from apikeys.core import keyformat
from apikeys.pages import views


class KeyIdConverter:
    regex = f"[0-9A-Za-z]{{{keyformat.ID_LENGTH}}}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(KeyIdConverter, "key_id")

app_name = "apikeys"
urlpatterns = [
    path("", views.key_list, name="list"),
    path("new/", views.key_create, name="new"),
    path("<key_id:key_id>/", views.key_detail, name="detail"),
    path("<key_id:key_id>/revoke/", views.key_revoke, name="revoke"),
    path("<key_id:key_id>/rotate/", views.key_rotate, name="rotate"),
]
