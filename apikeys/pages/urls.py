"""Settings > API."""

from __future__ import annotations

from django.urls import path

import apikeys.converters  # noqa: F401  # registers <key_id:…>
from apikeys.pages import activity, key_views, rotation_views, views

app_name = "apikeys"
urlpatterns = [
    path("", views.key_list, name="list"),
    path("new/", views.key_create, name="new"),
    path("activity/", activity.activity, name="activity"),
    path("<key_id:key_id>/", key_views.key_detail, name="detail"),
    path("<key_id:key_id>/revoke/", key_views.key_revoke, name="revoke"),
    path("<key_id:key_id>/rotate/", views.key_rotate, name="rotate"),
    path("<key_id:key_id>/rotate/finish/", rotation_views.rotation_finish, name="rotation_finish"),
    path("<key_id:key_id>/rotate/cancel/", rotation_views.rotation_cancel, name="rotation_cancel"),
]
