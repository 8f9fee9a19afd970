"""Tools that know only the OpenAPI document can use the API."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from testing import contract

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")


@pytest.fixture
def live(server, tmp_path):
    """A running server's document in a file, and an admin key."""
    member = server.new_member()
    path = tmp_path / "openapi.json"
    with_text = json.dumps(server.call(None, "/v1/openapi.json")[1])
    path.write_text(with_text)
    return server, server.issue(member, "admin"), path


def schemathesis(live, folder, phases):
    server, key, path = live
    command = [
        *(str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(CONFIGURATION)),
        *("run", str(path), "--url", server.url, "--header", f"Authorization: Bearer {key}"),
        *("--exclude-operation-id", "revokeCurrentKey", "--phases", phases, "--seed", "1", "--no-color"),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done


@pytest.mark.slow
def test_schemathesis_finds_no_failure_in_good_and_bad_requests(live, tmp_path):
    done = schemathesis(live, tmp_path, "examples,coverage,fuzzing")

    assert number(r"Tested: (\d+)", done) == len(contract.operations()) - 1
    assert number(r"(\d+) generated", done) > 500


@pytest.mark.slow
def test_schemathesis_finds_no_failure_in_sequences_of_requests(live, tmp_path):
    done = schemathesis(live, tmp_path, "stateful")

    assert number(r"API Links: +(\d+) covered", done) > 0


def number(pattern, done):
    return int(re.search(pattern, done.stdout)[1])


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
