"""Usage as real processes count and write it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from threading import Event
from unittest.mock import Mock

import pytest
from django.db import DatabaseError

from apikeys.usage import recorder, store
from testing.server import Server

USAGE = """
from apikeys.models import APIKey, KeyUsage
for row in KeyUsage.objects.values_list("outcome", "address", "count"): print(*row)
"""


@pytest.fixture
def server_of_two(tmp_path):
    with closing(Server(tmp_path, WEB_CONCURRENCY="2")) as server:
        yield server.prepare().start()


def get_chatbots(server, raw, times=1):
    with closing(HTTPConnection(server.host, server.port, timeout=60)) as connection:
        for _ in range(times):
            connection.request("GET", "/v1/chatbots", headers={"Authorization": f"Bearer {raw}"})
            response = connection.getresponse()
            response.read()
            assert response.status == 200


def test_calls_just_before_sigterm_are_counted(server_of_two):
    raw = server_of_two.issue(server_of_two.new_member())

    get_chatbots(server_of_two, raw)
    server_of_two.stop()

    assert server_of_two.shell(USAGE) == "answered 127.0.0.1 1\n"


def test_a_thousand_parallel_calls_to_two_processes_count_a_thousand(server_of_two):
    raw = server_of_two.issue(server_of_two.new_member())

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda _: get_chatbots(server_of_two, raw, times=50), range(20)))
    server_of_two.stop()

    rows = [line.split() for line in server_of_two.shell(USAGE).splitlines()]
    assert {(outcome, address) for outcome, address, _ in rows} == {("answered", "127.0.0.1")}
    assert sum(int(count) for _, _, count in rows) == 1000  # in two rows, if an hour ended between them


def test_the_thread_survives_a_failing_database(settings, monkeypatch):
    settings.USAGE_FLUSH_SECONDS = 0.001
    written = []
    done = Event()

    def write(counts):
        written.append(list(counts.values()))
        if len(written) < 3:
            raise DatabaseError
        done.set()

    monkeypatch.setattr(recorder.store, "add_counts", write)
    monkeypatch.setattr(recorder.logger, "error", told := Mock())
    process = recorder.Recorder()
    process.add(recorder.Row(1, 480_000, "answered", None), 1_728_000_000.0)

    assert done.wait(60)
    process._finish()
    process._thread.join(60)
    assert written == [[store.Count(1, 1_728_000_000.0)]] * 3
    assert told.call_count == 2
