"""A key is reported while four processes serve load with it: no later request gets through."""

from __future__ import annotations

import json
import time
from contextlib import closing

import pytest

from apikeys.leaks.tests.conftest import GITHUB, REPORT, GitHub
from testing.client import Load, Person, call, send
from testing.programs import wait_until
from testing.server import Server
from testing.services import children

PROCESSES = 4
REVOKED = (401, "API key has been revoked")


@pytest.fixture(scope="module")
def github(tmp_path_factory):
    return GitHub(tmp_path_factory.mktemp("github"))


@pytest.fixture(scope="module")
def four_processes(tmp_path_factory, github):
    environ = {"WEB_CONCURRENCY": str(PROCESSES), "GITHUB_KEYS_URL": github.document.as_uri()}
    with closing(Server(tmp_path_factory.mktemp("server"), **environ)) as server:
        yield server.prepare().start()


def on_the_page(url, key, _github):
    answer = Person(url).post("/report-key/", leaked_key=key)
    return answer.status, "Thanks for your report" in answer.text


def at_the_endpoint(url, key, _github):
    answer = call(url, None, "POST", REPORT, {"keys": [key]})
    return answer.status, answer.json == {"received": 1}


def by_github(url, key, github):
    body = json.dumps([{"token": key, "type": "wizchat_api_key", "url": "", "source": "commit"}]).encode()
    signature = {
        name.removeprefix("HTTP_").replace("_", "-"): value for name, value in github.sign(body).items()
    }
    answer = send(url, "POST", GITHUB, body, **signature, **{"Content-Type": "application/json"})
    return answer.status, answer.json[0]["label"] == "true_positive"


@pytest.mark.parametrize(("report", "status"), [(on_the_page, 200), (at_the_endpoint, 202), (by_github, 200)])
def test_no_request_that_begins_after_the_report_was_answered_gets_through(
    four_processes, github, report, status
):
    server = four_processes
    key = server.issue(server.new_member())

    with Load(server.url, key, threads=8) as load:
        wait_until(lambda: len(load.answers) > 100, "load")
        answered = report(server.url, key, github)
        reported_at = time.monotonic()
        wait_until(lambda: len(load.since(reported_at)) >= 100, "load after the report")
    after = {(answer.status, answer.error["message"]) for answer in load.since(reported_at)}

    assert len(children(server.process.pid)) == PROCESSES
    assert answered == (status, True)
    assert load.broken == []
    assert load.answers[0].status == 200
    assert after == {REVOKED}
