"""The API's description of itself."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from wizchat.api.openapi import document


class OpenAPIDocument(APIView):
    """Open to everyone: it contains nothing private."""

    authentication_classes = ()
    permission_classes = ()

    def get(self, request: Request) -> Response:
        return Response(document())
