"""A change in one process takes effect on the next request in another."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection

import pytest

from testing.keys import id_of

PARALLEL = 100


def ask(server, key, method="GET", path="/v1/chatbots", body=None):
    """Send one request on its own connection; return the status and the JSON body."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with closing(HTTPConnection(server.host, server.port, timeout=60)) as connection:
        connection.request(method, path, body and json.dumps(body), headers)
        response = connection.getresponse()
        text = response.read()
    return response.status, json.loads(text) if text else None


@pytest.fixture
def member(server):
    return server.new_member()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "UPDATE apikeys_apikey SET revoked_at = '2026-01-01' WHERE key_id = '{id}'",
            "API key has been revoked",
        ),
        ("UPDATE apikeys_apikey SET expires_at = '2026-01-01' WHERE key_id = '{id}'", "API key has expired"),
        (
            "UPDATE apikeys_apikey SET allowed_networks = '192.0.2.1' WHERE key_id = '{id}'",
            "IP address not allowed",
        ),
        (
            "UPDATE apikeys_apikey SET permissions = 2 WHERE key_id = '{id}'",
            'This API key lacks the "read" permission',
        ),
        ("UPDATE auth_user SET is_active = false WHERE username = '{user}'", "Invalid API key"),
    ],
    ids=["revoked", "expired", "address", "permission", "owner"],
)
def test_a_change_by_raw_sql_in_another_process_takes_effect_on_the_next_request(
    server, member, change, message
):
    key = server.issue(member)
    assert ask(server, key)[0] == 200

    server.execute(change.format(id=id_of(key), user=member.username))

    assert ask(server, key)[1]["error"]["message"] == message


def test_revoking_in_another_process_takes_effect_on_the_next_request(server, member):
    key = server.issue(member)
    assert ask(server, key)[0] == 200

    server.manage("apikey", "revoke", id_of(key))

    assert ask(server, key)[1]["error"]["message"] == "API key has been revoked"


def test_a_hundred_parallel_requests_read_and_write_without_an_error(server, member):
    key = server.issue(member, "admin")
    _status, chatbot = ask(server, key, "POST", body={"name": "Busy"})
    path = f"/v1/chatbots/{chatbot['id']}"
    kinds = [
        ("GET", "/v1/chatbots", None),
        ("POST", f"{path}/messages", {"message": "Anyone there?"}),
        ("PATCH", path, {"description": "busy"}),
        ("POST", f"{path}/faqs", {"question": "Who?", "answer": "Us."}),
    ]

    with ThreadPoolExecutor(PARALLEL) as threads:
        answers = list(threads.map(lambda n: ask(server, key, *kinds[n % 4]), range(PARALLEL)))

    assert sorted({status for status, _body in answers}) == [200, 201]
    assert len(ask(server, key, path=f"{path}/queries?page_size=200")[1]["results"]) == PARALLEL // 4
