"""The OpenAPI document has the limits of the code, and the API enforces those in the document."""

from __future__ import annotations

import pytest
from django.core import validators
from rest_framework import fields, serializers

from testing import contract
from wizchat.api.serializers import NoUnknownFields
from wizchat.api.tests.conftest import example_of, views

LIMITS = {
    validators.MaxLengthValidator: "max",
    validators.MinLengthValidator: "min",
    validators.MaxValueValidator: "maximum",
    validators.MinValueValidator: "minimum",
}
NO_LIMIT = {validators.ProhibitNullCharactersValidator, fields.ProhibitSurrogateCharactersValidator}
LISTS = {"array": "Items", "string": "Length"}


def requests():
    """Return the serializer of each request body, with its schema."""
    for (path, method), operation in contract.operations().items():
        if "requestBody" in operation:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            serializer = views()[path].operations[method].request
            serializer = serializer() if isinstance(serializer, type) else serializer
            yield serializer, schema


def field_schemas(serializer, schema):
    """Yield each writable field with its schema, including those of lists and nested objects."""
    schema = contract.resolved(schema)
    if isinstance(serializer, serializers.ListSerializer):
        yield from field_schemas(serializer.child, schema["items"])
        return
    for name, field in serializer.fields.items():
        if field.read_only:
            continue
        yield field, schema["properties"][name]
        if isinstance(field, serializers.ListField):
            yield field.child, schema["properties"][name]["items"]


def limits_of(field, kind):
    """Return the limits of a field as JSON Schema keywords, read from its options and validators."""
    found = {}
    for validator in field.validators:
        if type(validator) in NO_LIMIT:
            continue
        word = LIMITS[type(validator)]  # KeyError: the document must express a new kind of validator, too
        found[word + LISTS.get(kind, "") if word in {"max", "min"} else word] = validator.limit_value
    for attribute, word in (("max_length", "max"), ("min_length", "min")):
        if getattr(field, attribute, None) is not None:
            found[word + LISTS[kind]] = getattr(field, attribute)
    if getattr(field, "allow_blank", None) is False:
        found.setdefault("minLength", 1)
    if isinstance(field, serializers.ChoiceField):
        found["enum"] = list(field.choices)
    return found


def test_every_limit_of_a_serializer_is_in_the_document():
    for serializer, schema in requests():
        for field, described in field_schemas(serializer, schema):
            kinds = described["type"]
            kind = kinds[0] if isinstance(kinds, list) else kinds
            for word, limit in limits_of(field, kind).items():
                assert described.get(word) == limit, f"{type(serializer).__name__}.{field.field_name}: {word}"


def test_a_serializer_that_refuses_unknown_fields_says_so():
    for serializer, schema in requests():
        refuses = contract.resolved(schema).get("additionalProperties") is False
        assert refuses is isinstance(serializer, NoUnknownFields), type(serializer).__name__


def test_every_limit_of_a_model_is_in_the_document():
    for serializer, schema in requests():
        model = getattr(getattr(serializer, "Meta", None), "model", None)
        if model is None:
            continue
        for field, described in field_schemas(serializer, schema):
            limit = model._meta.get_field(field.source).max_length
            assert limit is None or described["maxLength"] == limit, field.field_name


def too_far(schema):
    """Return values just past each limit of a schema."""
    kinds = schema.get("type", "string")
    kind = kinds[0] if isinstance(kinds, list) else kinds
    item = "read" if "enum" in schema.get("items", {}) else "192.0.2.1"
    found = {
        "maxLength": lambda limit: "x" * (limit + 1),
        "minLength": lambda limit: "x" * (limit - 1),
        "maxItems": lambda limit: [item] * (limit + 1),
        "minItems": lambda limit: [item] * (limit - 1),
        "maximum": lambda limit: limit + 1,
        "minimum": lambda limit: limit - 1,
        "enum": lambda _: "nonsense",
        "format": lambda _: "nonsense",
    }
    values = [make(schema[word]) for word, make in found.items() if word in schema]
    if "enum" in schema.get("items", {}):
        values.append(["nonsense"])
    return [*values, {"string": 1, "array": "text", "integer": "text", "boolean": "maybe"}[kind]]


def just_within(schema):
    """Return values exactly at each limit of a schema."""
    item = "read" if "enum" in schema.get("items", {}) else "192.0.2.1"
    found = {
        "maxLength": lambda limit: "x" * limit,
        "minLength": lambda limit: "x" * limit,
        "maxItems": lambda limit: [item] * limit,
        "minItems": lambda limit: [item] * limit,
        "maximum": lambda limit: limit,
        "minimum": lambda limit: limit,
    }
    return [make(schema[word]) for word, make in found.items() if word in schema] + schema.get("enum", [])


def body_fields():
    """Return each field of each body that is an object."""
    for operation in contract.operations().values():
        if "requestBody" in operation:
            schema = contract.resolved(operation["requestBody"]["content"]["application/json"]["schema"])
            for name, one in schema.get("properties", {}).items():
                yield pytest.param(operation, name, one, id=f"{operation['operationId']}-{name}")


def parameters():
    for operation in contract.operations().values():
        for one in operation.get("parameters", ()):
            # Cursors have no limit, a wrong path is another path, and GitHub signs its reports.
            if one["name"] != "cursor" and one["in"] != "path" and not one.get("required"):
                yield pytest.param(operation, one, id=f"{operation['operationId']}-{one['name']}")


def named(response):
    """Return the fields that a 400 names; none for any other response."""
    fields_named = response.json()["error"]["fields"] if response.status_code == 400 else {}
    return {name.partition(".")[0] for name in fields_named}


@pytest.mark.parametrize(("operation", "name", "schema"), list(body_fields()))
def test_a_limit_of_a_field_holds(ask, scene, operation, name, schema):
    raw = scene.issue()[1]
    body = example_of(operation["operationId"])

    for value in too_far(schema):
        assert name in named(ask(operation["operationId"], raw, body=body | {name: value})), value
    for value in just_within(schema):
        assert name not in named(ask(operation["operationId"], raw, body=body | {name: value})), value


@pytest.mark.parametrize(("operation", "parameter"), list(parameters()))
def test_a_limit_of_a_parameter_holds(ask, scene, operation, parameter):
    raw, name = scene.issue()[1], parameter["name"]

    def send(value):
        if parameter["in"] == "header":
            return ask(
                operation["operationId"], raw, **{f"HTTP_{name.upper().replace('-', '_')}": str(value)}
            )
        return ask(operation["operationId"], raw, query=f"?{name}={value}")

    for value in too_far(parameter["schema"])[: -1 if parameter["in"] == "header" else None]:
        assert name in named(send(value)), value
    for value in just_within(parameter["schema"]):
        assert name not in named(send(value)), value
