"""The OpenAPI document, under ``/v1/``."""

from __future__ import annotations

from wizchat.api.routes import endpoint
from wizchat.api.views import OpenAPIDocument

app_name = "openapi"

urlpatterns = endpoint("openapi.json", OpenAPIDocument, "document")
