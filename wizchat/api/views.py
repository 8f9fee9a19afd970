"""The API's description of itself."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from wizchat.api.openapi import document
from wizchat.api.operations import Operation


class OpenAPIDocument(APIView):
    """Open to everyone: it contains nothing private."""

    authentication_classes = ()
    permission_classes = ()
    http_method_names = ["get", "head"]
    operations = {
        "GET": Operation(
            "getOpenAPI",
            "OpenAPI",
            "Get this document",
            "The OpenAPI 3.1 document.",
            response=OpenApiTypes.OBJECT,
            answer={"openapi": "3.1.0", "info": {"title": "WizChat API", "version": "1"}, "paths": {}},
        )
    }

    def get(self, request: Request) -> Response:
        return Response(document())
