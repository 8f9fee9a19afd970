"""The OpenAPI document. drf-spectacular generates it from URLconf, views, serializers and operations."""

from __future__ import annotations

from functools import cache
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework import serializers

from wizchat.api import catalogue
from wizchat.api.catalogue import Error
from wizchat.api.operations import Operation
from wizchat.api.serializers import NoUnknownFields

JSON = "application/json"
ALWAYS = (
    catalogue.INVALID_REQUEST,
    catalogue.INVALID_HTTP,
    catalogue.HTTPS_REQUIRED,
    catalogue.REQUEST_TIMEOUT,
    catalogue.URI_TOO_LONG,
    catalogue.HEADERS_TOO_LARGE,
    catalogue.INTERNAL_ERROR,
    catalogue.UNAVAILABLE,
)
"""The errors that any request can cause."""
WITH_A_KEY = (
    catalogue.KEY_REQUIRED,
    catalogue.INVALID_KEY,
    catalogue.KEY_REVOKED,
    catalogue.KEY_EXPIRED,
    catalogue.IP_NOT_ALLOWED,
    catalogue.RATE_LIMITED,
    catalogue.TOO_MANY_FAILURES,
)
WITH_A_BODY = (catalogue.LENGTH_REQUIRED, catalogue.PAYLOAD_TOO_LARGE)
HEADERS: dict[str, dict[str, Any]] = {
    "RateLimit-Policy": {
        "description": "The key's limit: q requests per w seconds. Missing if it has none.",
        "schema": {"type": "string", "examples": ['"default";q=6000;w=60']},
    },
    "RateLimit": {
        "description": "What's left of the limit: r requests for the next t seconds.",
        "schema": {"type": "string", "examples": ['"default";r=5999;t=60']},
    },
    "Sunset": {
        "description": "When the key stops working (RFC 8594), if within 14 days.",
        "schema": {"type": "string", "examples": ["Sun, 31 Jan 2027 09:30:00 GMT"]},
    },
    "Retry-After": {
        "description": "Seconds to wait before the next attempt.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "Location": {
        "description": "The path of the key that this or an earlier request created.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "WWW-Authenticate": {
        "description": "The authentication that the endpoint expects (RFC 6750).",
        "schema": {"type": "string", "examples": ['Bearer realm="WizChat", error="invalid_token"']},
    },
}
OF_AN_ACCEPTED_KEY = ("RateLimit-Policy", "RateLimit", "Sunset")
BEFORE_A_KEY = {
    error.status
    for error in (
        catalogue.REQUEST_TIMEOUT,
        catalogue.LENGTH_REQUIRED,
        catalogue.URI_TOO_LONG,
        catalogue.HEADERS_TOO_LARGE,
    )
}
"""Statuses that are only sent before a key is accepted. A 401 can also come later, because an account may
be closed while a request is served.
"""


class ErrorBody(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Branch on this.")
    message = serializers.CharField(help_text="A sentence for people.")
    fields = serializers.DictField(  # type: ignore[assignment]  # the API's name; Serializer has one of its own
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="In a 400: what is wrong with each field.",
    )


class ErrorEnvelope(serializers.Serializer[Any]):
    error = ErrorBody(help_text="What went wrong.")


def errors_of(operation: Operation, *, has_key: bool, has_permission: bool, has_id: bool) -> list[Error]:
    """Return every error that an operation can respond with, in the order of the catalogue."""
    errors = {*ALWAYS, *operation.errors}
    if has_key:
        errors |= {*WITH_A_KEY}
    if has_permission:
        errors.add(catalogue.LACKS_PERMISSION)
    if has_id:
        errors.add(catalogue.NOT_FOUND)
    if operation.request is not None:
        errors |= {*WITH_A_BODY}
        if not operation.takes_any_type:
            errors.add(catalogue.UNSUPPORTED_MEDIA_TYPE)
    return [error for error in catalogue.ERRORS if error in errors]


class Schema(AutoSchema):
    """Adds what a view's operations declare to drf-spectacular's schema."""

    @property
    def declared(self) -> Operation:
        operation: Operation = self.view.operations[self.method]  # type: ignore[attr-defined]  # every view of ours has them
        return operation

    @property
    def has_key(self) -> bool:
        return hasattr(self.view, "required_permissions")

    @property
    def permission(self) -> str | None:
        """Return the permission that the view requires; ``None`` if it takes any valid key or no key."""
        needed = getattr(self.view, "required_permissions", {}).get(self.method)
        return needed.names[0] if needed else None

    @property
    def errors(self) -> list[Error]:
        return errors_of(
            self.declared,
            has_key=self.has_key,
            has_permission=self.permission is not None,
            has_id="{" in self.path,
        )

    def get_operation(self, *arguments: Any) -> dict[str, Any] | None:
        """Return drf-spectacular's operation with our examples and headers."""
        operation: dict[str, Any] | None = super().get_operation(*arguments)
        if operation is None:
            return None
        if self.declared.request is not None:
            operation["requestBody"]["content"][JSON]["examples"] = _example(self.declared.example)
            self._refuse_unknown_fields()
        for status, response in operation["responses"].items():
            if int(status) == self.declared.status and self.declared.response is not None:
                response["content"][JSON]["examples"] = _example(self.declared.answer)
            if headers := self._headers(int(status)):
                response["headers"] = headers
        return operation

    def _refuse_unknown_fields(self) -> None:
        serializer = self.get_request_serializer()
        if isinstance(serializer, NoUnknownFields):
            self.resolve_serializer(serializer, "request").schema["additionalProperties"] = False

    def _headers(self, status: int) -> dict[str, Any]:
        """Return the headers that a response can have; those that it always has are required."""
        if status == self.declared.status:
            always = sometimes = {*self.declared.headers}
        else:
            of_each = [{*error.headers} for error in self.errors if error.status == status]
            always, sometimes = set.intersection(*of_each), set.union(*of_each)
        if self.has_key and status not in BEFORE_A_KEY:
            sometimes = sometimes | {*OF_AN_ACCEPTED_KEY}
        return {
            name: header | {"required": True} if name in always else {"$ref": f"#/components/headers/{name}"}
            for name, header in HEADERS.items()
            if name in sometimes
        }

    def get_operation_id(self) -> str:
        return self.declared.id

    def get_summary(self) -> str:
        return self.declared.summary

    def get_description(self) -> str:  # type: ignore[override]  # as drf-spectacular's own
        if self.permission:
            needs = f"Needs the `{self.permission}` permission."
        else:
            needs = "Any valid key may do this." if self.has_key else "Needs no key."
        return f"{self.declared.description}\n\n{needs}"

    def get_tags(self) -> list[str]:
        return [self.declared.tag]

    def get_auth(self) -> list[dict[str, list[str]]]:
        return [{"apiKey": []}] if self.has_key else []

    def get_extensions(self) -> dict[str, Any]:
        return {"x-required-permission": self.permission}

    def get_override_parameters(self) -> list[Any]:
        return list(self.declared.parameters)

    def get_request_serializer(self) -> Any:
        request = self.declared.request
        return request(partial=self.method == "PATCH") if isinstance(request, type) else request

    def get_response_serializers(self) -> Any:
        success = OpenApiResponse(self.declared.response, "OK" if self.declared.response else "Done, no body")
        responses: dict[int, OpenApiResponse] = {self.declared.status: success}
        for status in dict.fromkeys(error.status for error in self.errors):
            same = [error for error in self.errors if error.status == status]
            responses[status] = OpenApiResponse(
                ErrorEnvelope,
                " ".join(dict.fromkeys(error.meaning for error in same)),
                [OpenApiExample(error.message, value=error.body()) for error in same],
            )
        return responses


def _example(value: Any) -> dict[str, Any]:
    return {"Example": {"value": value}}


def without_slash(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """Leave out the URLs with a trailing slash: each is a second URL of the same endpoint."""
    return [endpoint for endpoint in endpoints if not endpoint[0].endswith("/")]


def finished(result: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Add the headers, and leave out the serializers' docstrings, which are for readers of the code."""
    result["components"]["headers"] = HEADERS
    for schema in result["components"]["schemas"].values():
        schema.pop("description", None)
    return result


@cache
def document() -> dict[str, Any]:
    """Return the document, which is the same for every client and cached until the process ends."""
    from drf_spectacular.generators import SchemaGenerator  # imports views, which import this module

    generator = SchemaGenerator()  # type: ignore[no-untyped-call]  # it ships no types for this
    generated: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # nor this
    return generated
