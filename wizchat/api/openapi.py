"""The OpenAPI document, made by drf-spectacular from URLconf, views, serializers and operations."""

from __future__ import annotations

from functools import cache
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework import serializers

from wizchat.api import catalogue
from wizchat.api.catalogue import Error
from wizchat.api.operations import OPERATIONS, Operation

ALWAYS = (
    catalogue.INVALID_REQUEST,
    catalogue.FORBIDDEN,
    catalogue.HTTPS_REQUIRED,
    catalogue.METHOD_NOT_ALLOWED,
    catalogue.INTERNAL_ERROR,
    catalogue.UNAVAILABLE,
)
"""The errors that any request can get."""
WITH_A_KEY = (
    catalogue.KEY_REQUIRED,
    catalogue.INVALID_KEY,
    catalogue.KEY_REVOKED,
    catalogue.KEY_EXPIRED,
    catalogue.IP_NOT_ALLOWED,
    catalogue.RATE_LIMITED,
    catalogue.TOO_MANY_FAILURES,
)
WITH_A_BODY = (
    catalogue.LENGTH_REQUIRED,
    catalogue.PAYLOAD_TOO_LARGE,
    catalogue.UNSUPPORTED_MEDIA_TYPE,
)


class ErrorBody(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Branch on this.")
    message = serializers.CharField(help_text="A sentence for people.")
    fields = serializers.DictField(  # type: ignore[assignment]  # the API's name; Serializer has one of its own
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="In a 400: what is wrong with each field.",
    )


class ErrorEnvelope(serializers.Serializer[Any]):
    error = ErrorBody()


def errors_of(operation: Operation, *, has_key: bool, has_permission: bool, has_id: bool) -> list[Error]:
    """Return every error that an operation can return, in the order of the catalogue."""
    errors = {*ALWAYS, *operation.errors}
    if has_key:
        errors |= {*WITH_A_KEY}
    if has_permission:
        errors.add(catalogue.LACKS_PERMISSION)
    if has_id:
        errors.add(catalogue.NOT_FOUND)
    if operation.request is not None:
        errors |= {*WITH_A_BODY}
    return [error for error in catalogue.ERRORS if error in errors]


class Schema(AutoSchema):
    """Fills in what an operation's declaration says."""

    @property
    def operation(self) -> Operation:
        return OPERATIONS[type(self.view).__name__, self.method]

    @property
    def has_key(self) -> bool:
        return hasattr(self.view, "required_permissions")

    @property
    def permission(self) -> str | None:
        """Return the permission that the view asks for; ``None`` for any valid key or no key."""
        needed = getattr(self.view, "required_permissions", {}).get(self.method)
        return needed.names[0] if needed else None

    def get_operation_id(self) -> str:
        return self.operation.id

    def get_summary(self) -> str:
        return self.operation.summary

    def get_description(self) -> str:  # type: ignore[override]  # as drf-spectacular's own
        if self.permission:
            needs = f"Needs the `{self.permission}` permission."
        else:
            needs = "Any valid key may do this." if self.has_key else "Needs no key."
        return f"{self.operation.description}\n\n{needs}"

    def get_tags(self) -> list[str]:
        return [self.operation.tag]

    def get_auth(self) -> list[dict[str, list[str]]]:
        return [{"apiKey": []}] if self.has_key else []

    def get_extensions(self) -> dict[str, Any]:
        return {"x-required-permission": self.permission}

    def get_override_parameters(self) -> list[Any]:
        return list(self.operation.parameters)

    def get_request_serializer(self) -> Any:
        return self.operation.request

    def get_examples(self) -> list[OpenApiExample]:
        if self.operation.example is None:
            return []
        return [OpenApiExample("Example", value=self.operation.example, request_only=True)]

    def get_response_serializers(self) -> Any:
        operation = self.operation
        success = OpenApiResponse(operation.response, "OK" if operation.response else "Done, no body")
        responses: dict[int, OpenApiResponse] = {operation.status: success}
        errors = errors_of(
            operation,
            has_key=self.has_key,
            has_permission=self.permission is not None,
            has_id="{" in self.path,
        )
        for status in dict.fromkeys(error.status for error in errors):
            same = [error for error in errors if error.status == status]
            responses[status] = OpenApiResponse(
                ErrorEnvelope,
                " ".join(dict.fromkeys(error.meaning for error in same)),
                [OpenApiExample(error.message, value=error.body()) for error in same],
            )
        return responses


def without_slash(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """Leave out the URLs with a trailing slash: each is another way to the same endpoint."""
    return [endpoint for endpoint in endpoints if not endpoint[0].endswith("/")]


def without_docstrings(result: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Leave out the serializers' docstrings, which are for readers of the code."""
    for schema in result["components"]["schemas"].values():
        schema.pop("description", None)
    return result


@cache
def document() -> dict[str, Any]:
    """Return the document; it is the same for everybody until the process ends."""
    from drf_spectacular.generators import SchemaGenerator  # imports views, which import this module

    from wizchat.api import descriptions  # noqa: F401  # declares the operations

    generator = SchemaGenerator()  # type: ignore[no-untyped-call]  # it ships no types for this
    generated: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # nor this
    return generated
