"""What endpoints are made of, and the API's description of itself."""

from __future__ import annotations

import json
from functools import cache, partial
from typing import Any, TypeVar

from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.views import APIView

from wizchat.api.listing import Listing
from wizchat.api.openapi import document
from wizchat.api.operations import Operation
from wizchat.api.pagination import NewestFirst
from wizchat.api.responses import CONTENT_TYPE, json_response
from wizchat.api.serializers import shape_of, validated

_Model = TypeVar("_Model", bound=models.Model)


class Endpoint(GenericAPIView[_Model]):
    """DRF's view with fast parts: a subclass says which of them answers which method, as in ``get = list``.

    ``queryset`` has a ``Parameter`` wherever a value of the request goes; ``parameters()`` are the values.
    A list reads just the columns that ``serializer_class`` shows and makes no objects of them.
    """

    serializer_class: type[serializers.Serializer[Any]]
    queryset: QuerySet[_Model]
    paginator: NewestFirst
    http_method_names = ["get", "head", "post", "patch", "delete"]
    default_response_headers: dict[str, str] = {}
    format_kwarg = None

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        shared = _shared(type(self))
        return Request(
            request,
            parsers=shared.parsers,
            authenticators=shared.authenticators,
            negotiator=shared.negotiator,
            parser_context={"view": self},
        )

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let in who may: there are no renderers to choose from, no versions and no throttles."""
        self.perform_authentication(request)
        for permission in _shared(type(self)).permissions:
            if not permission.has_permission(request, self):
                self.permission_denied(request)

    def finalize_response(self, request: Request, response: Any, *args: object, **kwargs: object) -> Any:
        response.headers["Allow"] = _shared(type(self)).allow
        return response

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]  # DRF's returns a Response to render
        return super().handle_exception(self.translated(exc))

    def translated(self, exc: Exception) -> Exception:
        """Return the API's exception for one of the models'."""
        return exc

    def parameters(self) -> dict[str, Any]:
        """Return the values for the parameters of ``queryset``: what the URL names."""
        return dict(self.kwargs)

    def make(self, **values: Any) -> _Model:
        """Return the object that a POST makes, of validated values."""
        raise NotImplementedError

    def change(self, **values: Any) -> _Model:
        """Return the object that a PATCH has changed, by validated values."""
        raise NotImplementedError

    def list(self, request: Request, *args: object, **kwargs: object) -> HttpResponse:
        listing = listing_of(type(self))
        page = self.paginator.page(request, partial(listing.fetch, **self.parameters()), listing.position)
        return self.paginator.get_paginated_response([listing.shape.of_row(row) for row in page])

    def retrieve(self, request: Request, *args: object, **kwargs: object) -> HttpResponse:
        return self.shown(self.get_object())

    def create(self, request: Request, *args: object, **kwargs: object) -> HttpResponse:
        return self.shown(self.make(**validated(self.serializer_class, request.data)), 201)

    def partial_update(self, request: Request, *args: object, **kwargs: object) -> HttpResponse:
        return self.shown(self.change(**validated(self.serializer_class, request.data, partial=True)))

    def shown(self, instance: _Model, status: int = 200) -> HttpResponse:
        return json_response(shape_of(self.serializer_class).of(instance), status)


class _Shared:
    """What is the same for every request to an endpoint, made once."""

    def __init__(self, view_class: type[APIView]) -> None:
        view = view_class()
        view.setup(HttpRequest())  # whatever answers GET answers HEAD
        self.allow = ", ".join(view.allowed_methods)
        self.parsers = view.get_parsers()
        self.authenticators = view.get_authenticators()
        self.permissions = view.get_permissions()
        self.negotiator = view.get_content_negotiator()


_shared = cache(_Shared)


@cache
def listing_of(view: type[Endpoint[Any]]) -> Listing:
    return Listing(view.queryset, view.serializer_class)


class OpenEndpoint(Endpoint[Any]):
    """Open to everyone, with a key or without."""

    authentication_classes = ()
    permission_classes = ()
    pagination_class = None


class OpenAPIDocument(OpenEndpoint):
    """It contains nothing private."""

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

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(_document(), CONTENT_TYPE)


@cache
def _document() -> bytes:
    # By json, because orjson takes no keys but text, and statuses are numbers.
    return json.dumps(document(), separators=(",", ":")).encode()
