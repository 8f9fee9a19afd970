"""The base classes of endpoints, and the view of the OpenAPI document."""

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
    """A faster generic view of DRF: a subclass assigns its actions to methods, as in ``get = list``.

    ``queryset`` has a ``Parameter`` in place of each value of the request; ``parameters()`` returns them.
    A list reads only the columns that ``serializer_class`` shows, and doesn't create model instances.
    """

    serializer_class: type[serializers.Serializer[Any]]
    queryset: QuerySet[_Model]
    paginator: NewestFirst
    http_method_names = ["get", "head", "post", "patch", "delete"]
    default_response_headers: dict[str, str] = {}

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
        """Check authentication and permissions only: there are no renderers, versions or throttles."""
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
        """Return the API's exception for an exception of the models."""
        return exc

    def parameters(self) -> dict[str, Any]:
        """Return the values for the parameters of ``queryset``, by default those in the URL."""
        return dict(self.kwargs)

    def create_object(self, **values: Any) -> _Model:
        """Create an object from validated values, for POST."""
        raise NotImplementedError

    def update_object(self, **values: Any) -> _Model:
        """Change the object by validated values and return it, for PATCH."""
        raise NotImplementedError

    def list(self, request: Request, *args: object, **kwargs: object) -> HttpResponse:
        listing = listing_of(type(self))
        page = self.paginator.page(request, partial(listing.fetch, **self.parameters()), listing.position)
        return self.paginator.get_paginated_response([listing.shape.of_row(row) for row in page])

    def retrieve(self, request: Request, *args: object, **kwargs: object) -> HttpResponse:
        return self.shown(self.get_object())

    def create(self, request: Request, *args: object, **kwargs: object) -> HttpResponse:
        return self.shown(self.create_object(**validated(self.serializer_class, request.data)), 201)

    def partial_update(self, request: Request, *args: object, **kwargs: object) -> HttpResponse:
        return self.shown(self.update_object(**validated(self.serializer_class, request.data, partial=True)))

    def shown(self, instance: _Model, status: int = 200) -> HttpResponse:
        return json_response(shape_of(self.serializer_class).of(instance), status)


class _Shared:
    """The parts of an endpoint that are the same for every request, created once."""

    def __init__(self, view_class: type[APIView]) -> None:
        view = view_class()
        view.setup(HttpRequest())  # adds HEAD if there is GET
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
    """Open, because the document contains nothing private."""

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
    # Use json, because orjson takes only text as keys, and statuses are numbers.
    return json.dumps(document(), separators=(",", ":")).encode()
