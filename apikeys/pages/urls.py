"""Settings > API."""

from __future__ import annotations

from django.urls import path

import apikeys.converters  # noqa: F401  # registers <key_id:…>
from apikeys.pages.activity import activity
from apikeys.pages.key_create import key_create
from apikeys.pages.key_detail import key_detail
from apikeys.pages.key_list import key_list
from apikeys.pages.key_revoke import key_revoke
from apikeys.pages.key_rotate import key_rotate
from apikeys.pages.rotation_ends import rotation_cancel, rotation_finish

app_name = "apikeys"
urlpatterns = [
    path("", key_list, name="list"),
    path("new/", key_create, name="new"),
    path("activity/", activity, name="activity"),
    path("<key_id:key_id>/", key_detail, name="detail"),
    path("<key_id:key_id>/revoke/", key_revoke, name="revoke"),
    path("<key_id:key_id>/rotate/", key_rotate, name="rotate"),
    path("<key_id:key_id>/rotate/finish/", rotation_finish, name="rotation_finish"),
    path("<key_id:key_id>/rotate/cancel/", rotation_cancel, name="rotation_cancel"),
]
