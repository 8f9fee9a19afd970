"""The endpoints for reporting leaked keys under ``/v1/``, with and without a trailing slash."""

from __future__ import annotations

from apikeys.leaks import views
from wizchat.api.routes import endpoint

app_name = "leaks"

urlpatterns = [
    *endpoint("leaked-keys", views.LeakedKeys, "report"),
    *endpoint("github/secret-scanning", views.GitHubSecretScanning, "github"),
]
