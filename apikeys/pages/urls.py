"""Settings > API."""

from __future__ import annotations

from django.urls import path

import apikeys.converters  # noqa: F401  # registers <key_id:…>
from apikeys.pages import views

app_name = "apikeys"
urlpatterns = [
    path("", views.key_list, name="list"),
    path("new/", views.key_create, name="new"),
    path("<key_id:key_id>/", views.key_detail, name="detail"),
    path("<key_id:key_id>/revoke/", views.key_revoke, name="revoke"),
    path("<key_id:key_id>/rotate/", views.key_rotate, name="rotate"),
]
