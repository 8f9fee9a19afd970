"""Checks responses against the OpenAPI document, which must describe each one that a test receives."""

from __future__ import annotations

import json
import re
from functools import cache
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator

from wizchat.api.openapi import document

ANYWHERE = {
    "cache-control",
    "vary",
    "x-content-type-options",
    "content-type",
    "content-length",
    "allow",
    "connection",
    "date",
    "server",
    "x-request-id",
    "referrer-policy",
    "cross-origin-opener-policy",
    "strict-transport-security",
}
"""Headers that don't belong to an operation."""


def operations():
    """Return each operation by its path and method."""
    return {
        (path, method.upper()): operation
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    }


@cache
def _patterns():
    return {
        path: re.compile(
            re.sub(r"\{\w+\}", "[^/]+", re.escape(path).replace(r"\{", "{").replace(r"\}", "}")) + "/?"
        )
        for path in document()["paths"]
    }


def operation_of(method, path):
    """Return the operation for a request; ``None`` if the document has none."""
    method = "GET" if method == "HEAD" else method
    for described, pattern in _patterns().items():
        if pattern.fullmatch(urlsplit(path).path):
            return operations().get((described, method))
    return None


@cache
def _validator(schema):
    whole = json.loads(schema) | {"components": document()["components"]}
    return Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)


def assert_valid(value, schema):
    """Fail unless ``value`` matches ``schema`` of the document and has no other fields."""
    problems = [
        f"{error.json_path}: {error.message}" for error in _validator(json.dumps(schema)).iter_errors(value)
    ]
    assert problems == [], problems
    unknown = _unknown(value, schema)
    assert unknown == [], unknown


def resolved(schema):
    for reference in (schema.get("$ref"), *(one.get("$ref") for one in schema.get("allOf", ()))):
        if reference:
            return document()["components"]["schemas"][reference.rpartition("/")[2]]
    return schema


def _unknown(value, schema, at="$"):
    """Return the fields that the schema doesn't name."""
    schema = resolved(schema)
    if isinstance(value, list):
        return [name for item in value for name in _unknown(item, schema["items"], f"{at}[]")]
    if not isinstance(value, dict) or "properties" not in schema:
        return []
    known = schema["properties"]
    inner = [
        found
        for name in value.keys() & known.keys()
        for found in _unknown(value[name], known[name], f"{at}.{name}")
    ]
    return [f"{at}.{name}" for name in value.keys() - known.keys()] + inner


def assert_described(method, path, status, headers, text):
    """Fail unless the document describes this response to a request under /v1/."""
    operation = operation_of(method, path)
    if operation is None:
        return
    name = operation["operationId"]
    assert str(status) in operation["responses"], f"{name}: {status} is not in the OpenAPI document: {text}"
    response = operation["responses"][str(status)]
    described = {header.lower(): one for header, one in response.get("headers", {}).items()}
    received = {header.lower() for header in headers}
    assert received <= described.keys() | ANYWHERE, (
        f"{name}, {status}: {received - described.keys() - ANYWHERE}"
    )
    left_out = {header for header, one in described.items() if one.get("required")} - received
    assert left_out == set(), f"{name}, {status}: no {left_out}"
    if method == "HEAD":
        return
    if "content" not in response:
        assert text == "", name
        return
    body = json.loads(text)
    assert_valid(body, response["content"]["application/json"]["schema"])
    if status >= 400:
        assert (body["error"]["code"]) in codes(response), f"{name}, {status}: {body}"


def codes(response):
    """Return the codes of the errors that a response in the document covers."""
    examples = response["content"]["application/json"]["examples"].values()
    return {example["value"]["error"]["code"] for example in examples}
