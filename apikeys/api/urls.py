"""The endpoints for keys under ``/v1/``, each with and without a trailing slash."""

from __future__ import annotations

import apikeys.converters  # noqa: F401  # registers <any_key_id:…>
from apikeys.api import views
from wizchat.api.routes import endpoint

app_name = "keys"
urlpatterns = [
    *endpoint("key", views.CurrentKey, "current"),
    *endpoint("keys", views.KeyList, "list"),
    *endpoint("keys/<any_key_id:key_id>", views.KeyDetail, "detail"),
    *endpoint("keys/<any_key_id:key_id>/rotate", views.KeyRotate, "rotate"),
    *endpoint("keys/<any_key_id:key_id>/usage", views.KeyUsageReport, "usage"),
]
