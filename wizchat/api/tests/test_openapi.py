"""The OpenAPI document has exactly the routes, fields, limits and examples of the code."""

from __future__ import annotations

import re

import pytest

from apikeys.api.operations import EXAMPLE_KEY
from apikeys.core import keyformat
from testing import contract
from testing.server import ROOT
from wizchat.api.openapi import document
from wizchat.api.tests.conftest import views

OPEN = {"/v1/openapi.json", "/v1/leaked-keys", "/v1/github/secret-scanning"}
"""The paths that need no key."""
APPS = ("apikeys/api", "apikeys/leaks", "chatbots", "wizchat/api")
METHODS = {"get", "post", "patch", "delete"}
OPERATIONS = contract.operations()
IDS = {place: operation["operationId"] for place, operation in OPERATIONS.items()}
EACH = [pytest.param(operation, id=operation["operationId"]) for operation in OPERATIONS.values()]


def served():
    """Return the permission of every path and method under /v1/ that has a view."""
    found = {}
    for path, view in views().items():
        needed = getattr(view, "required_permissions", None)
        methods = needed or [method.upper() for method in METHODS if hasattr(view, method)]
        for method in methods:
            permission = needed[method] if needed else None
            found[path, method] = permission.names[0] if permission else None
    return found


def test_anyone_can_read_it(db, call):
    response = call(path="/v1/openapi.json")

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.json()["openapi"] == "3.1.0"


@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS"])
def test_it_can_only_be_read(db, call, method):
    response = call(None, method, "/v1/openapi.json")

    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD"


def test_it_has_every_route_with_its_permission_and_no_other():
    described = {place: operation["x-required-permission"] for place, operation in OPERATIONS.items()}

    assert described == served()


@pytest.mark.parametrize("operation", EACH)
def test_an_operation_is_described_in_full(operation):
    assert operation["operationId"]
    assert operation["summary"]
    assert operation["description"]
    permission = operation["x-required-permission"]
    assert permission is None or f"`{permission}`" in operation["description"]
    for parameter in operation.get("parameters", ()):
        assert parameter.get("description"), parameter["name"]


def test_every_query_parameter_that_is_read_is_described():
    code = "".join(
        path.read_text() for app in APPS for path in (ROOT / app).rglob("*.py") if "tests" not in path.parts
    )
    read = set(re.findall(r"""query_params(?:\.get\(|\[)"(\w+)\"""", code))

    described = {
        one["name"]
        for operation in OPERATIONS.values()
        for one in operation.get("parameters", ())
        if one["in"] == "query"
    }
    assert read == described


def test_only_endpoints_that_reveal_nothing_need_no_key():
    assert {path for (path, _), operation in OPERATIONS.items() if "security" not in operation} == OPEN


def test_operation_ids_are_unique():
    assert len(set(IDS.values())) == len(IDS)


def test_every_field_is_described():
    for name, schema in document()["components"]["schemas"].items():
        for field, one in schema.get("properties", {}).items():
            assert one.get("description"), f"{name}.{field}"


@pytest.mark.parametrize("operation", EACH)
def test_examples_are_what_the_schemas_describe(operation):
    bodies = [response for response in operation["responses"].values() if "content" in response]
    if "requestBody" in operation:
        bodies.append(operation["requestBody"])
    for body in bodies:
        (content,) = body["content"].values()
        assert content["examples"]
        for example in content["examples"].values():
            contract.assert_valid(example["value"], content["schema"])


@pytest.mark.parametrize("operation", EACH)
def test_an_example_response_matches_the_example_request(operation):
    sent, answered = example(operation.get("requestBody")), example(success(operation))
    if not (isinstance(sent, dict) and isinstance(answered, dict)):
        return

    common = sent.keys() & answered.keys()
    assert {name: answered[name] for name in common} == {name: sent[name] for name in common}


def success(operation):
    return operation["responses"][min(operation["responses"])]


def example(body):
    if body is None or "content" not in body:
        return None
    return body["content"]["application/json"]["examples"]["Example"]["value"]


def test_the_example_of_a_key_is_not_a_valid_key():
    with pytest.raises(keyformat.Malformed, match="checksum"):
        keyformat.parse(EXAMPLE_KEY)
