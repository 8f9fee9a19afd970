"""The OpenAPI document matches the API, as checked by tools that read nothing else."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.urls import get_resolver

from apikeys.core import names
from apikeys.core.networks import MAX_NETWORKS
from apikeys.models import LONGEST_LIFETIME
from wizchat.api import catalogue
from wizchat.api.openapi import document

OPEN = {"/v1/openapi.json", "/v1/leaked-keys", "/v1/github/secret-scanning"}
"""What needs no key."""
METHODS = {"get", "post", "patch", "delete"}


def served():
    """Return the permission of every path and method under /v1/ that has a view."""
    found = {}
    for included in get_resolver().url_patterns:
        if str(included.pattern) != "v1/" or not hasattr(included, "url_patterns"):
            continue
        for route in included.url_patterns:
            path = "/v1/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(route.pattern))
            view = getattr(route.callback, "view_class", None)
            if view is None or path.endswith("/"):
                continue
            needed = getattr(view, "required_permissions", None)
            methods = needed or [method.upper() for method in METHODS if hasattr(view, method)]
            for method in methods:
                permission = needed[method] if needed else None
                found[path, method.lower()] = permission.names[0] if permission else None
    return found


def operations():
    return {
        (path, method): operation
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    }


def test_anyone_may_read_it(db, call):
    response = call(path="/v1/openapi.json")

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.json()["openapi"] == "3.1.0"


def test_it_has_every_route_with_its_permission_and_no_other():
    described = {key: operation["x-required-permission"] for key, operation in operations().items()}

    assert described == served()


@pytest.mark.parametrize(("path", "method"), operations())
def test_an_operation_is_described_in_full(path, method):
    operation = operations()[path, method]

    assert operation["operationId"]
    assert operation["summary"]
    assert operation["description"]
    assert ("security" in operation) is (path not in OPEN)
    permission = operation["x-required-permission"]
    assert permission is None or f"`{permission}`" in operation["description"]
    statuses = {int(status) for status in operation["responses"]}
    assert statuses >= {400, 403, 405, 500, 503}
    if path not in OPEN:
        assert statuses >= {401, 429}
    if "{" in path:
        assert 404 in statuses
    if "requestBody" in operation:
        assert statuses >= {411, 413, 415}
        (content,) = operation["requestBody"]["content"].values()
        assert content["examples"]


def test_errors_are_the_catalogues():
    every = {(error.status, error.code, error.message) for error in catalogue.ERRORS}
    for operation in operations().values():
        for status, response in operation["responses"].items():
            if int(status) < 400:
                continue
            for example in response["content"]["application/json"]["examples"].values():
                body = example["value"]["error"]
                assert (int(status), body["code"], body["message"]) in every


def test_operation_ids_are_unique():
    ids = [operation["operationId"] for operation in operations().values()]

    assert len(ids) == len(set(ids))


def test_limits_are_the_models():
    schemas = document()["components"]["schemas"]
    create = schemas["CreateRequest"]["properties"]

    assert create["name"]["maxLength"] == names.MAX_LENGTH
    assert create["allowed_ips"]["maxItems"] == MAX_NETWORKS
    assert create["expires_in_days"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": LONGEST_LIFETIME.days,
    }
    assert schemas["RotateRequest"]["properties"]["overlap_seconds"]["maximum"] == 604_800
    assert schemas["ChatbotRequest"]["properties"]["name"]["maxLength"] == 80
    assert schemas["QueryRequest"]["properties"]["message"]["maxLength"] == 4000


@pytest.fixture
def live(server, tmp_path):
    """A running server's document in a file, and an admin key."""
    member = server.new_member()
    path = tmp_path / "openapi.json"
    with_text = json.dumps(server.call(None, "/v1/openapi.json")[1])
    path.write_text(with_text)
    return server, server.issue(member, "admin"), path


def test_schemathesis_finds_no_failure(live, tmp_path):
    server, key, path = live
    command = [
        str(Path(sys.executable).parent / "schemathesis"),
        "run",
        str(path),
        *("--url", server.url),
        *("--header", f"Authorization: Bearer {key}"),
        *("--checks", "not_a_server_error,status_code_conformance,content_type_conformance"),
        *("--checks", "response_schema_conformance"),
        *("--exclude-operation-id", "revokeCurrentKey"),
        *("--max-examples", "20", "--seed", "1", "--max-failures", "10"),
        *("--phases", "examples,coverage,fuzzing"),
    ]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    tested = re.search(r"Tested: (\d+)", done.stdout)
    assert int(tested[1]) == len(operations()) - 1, done.stdout[-2000:]


def test_a_generated_client_manages_keys(live, tmp_path, monkeypatch):
    server, key, path = live
    command = [
        str(Path(sys.executable).parent / "openapi-python-client"),
        "generate",
        *("--path", str(path), "--output-path", str(tmp_path / "client"), "--meta", "none"),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    monkeypatch.syspath_prepend(str(tmp_path))

    package = importlib.import_module("client")
    create = importlib.import_module("client.api.api_keys.create_key")
    models = importlib.import_module("client.models")
    with package.AuthenticatedClient(base_url=server.url, token=key) as client:
        body = models.CreateRequest.from_dict({"name": "Generated", "permissions": ["read"]})
        made = create.sync(client=client, body=body)

    assert made.name == "Generated"
    assert server.call(made.key)[0] == 200
