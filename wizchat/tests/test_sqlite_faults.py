"""A full disk, a read-only database, usage that can't be stored."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from testing.client import Person, call
from testing.keys import id_of
from testing.server import Server, sqlite_url
from testing.services import wait_until

UNAVAILABLE = {"code": "UNAVAILABLE", "message": "Service temporarily unavailable"}
FAULTS = {
    "read-only": "PRAGMA query_only=on",
    # SQLite fails in the same way if the file can't grow.
    "disk full": "PRAGMA max_page_count=1",
}


def used(server, key):
    with closing(sqlite3.connect(server.folder / "db.sqlite3", timeout=60)) as connection:
        query = "SELECT last_used_at FROM apikeys_apikey WHERE key_id = ?"
        return connection.execute(query, [id_of(key)]).fetchone()[0]


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    """A server that only prepares the database for the faulty ones."""
    folder = tmp_path_factory.mktemp("sqlite")
    with closing(Server(folder, DATABASE_URL=sqlite_url(folder))) as server:
        yield server.prepare()


@pytest.fixture(params=FAULTS.values(), ids=FAULTS.keys())
def faulty(healthy, request):
    url = f"{sqlite_url(healthy.folder)}?init_command={request.param}"
    with closing(Server(healthy.folder, DATABASE_URL=url)) as server:
        yield server.start()


def test_reads_are_served_and_writes_are_unavailable(healthy, faulty):
    member = healthy.new_member()
    key = healthy.issue(member, "admin")
    addresses = "\n".join(f"10.0.{n // 256}.{n % 256}" for n in range(900))
    big = {"name": "Big", "description": "x" * 900, "welcome_message": "y" * 900}

    reads = [call(faulty.url, key) for _ in range(5)]
    writes = [call(faulty.url, key, "POST", body=big) for _ in range(30)]
    person = Person(faulty.url, member.session)
    page = person.get("/settings/api/")
    form = {"name": "n", "permissions": "read", "expires": "never", "allowed_networks": addresses}
    created = [person.post("/settings/api/new/", **form) for _ in range(5)]

    assert {answer.status for answer in reads} == {200}
    assert {answer.status for answer in writes} <= {201, 503}
    assert (writes[-1].status, writes[-1].error) == (503, UNAVAILABLE)
    assert int(writes[-1].headers["Retry-After"]) > 0
    assert page.status == 200
    assert created[-1].status == 503
    assert "wzc_" not in created[-1].text
    assert call(faulty.url, "wrong").status == 401


@pytest.fixture
def server(healthy):
    with closing(Server(healthy.folder, DATABASE_URL=sqlite_url(healthy.folder))) as server:
        yield server.start()


def test_a_request_whose_usage_cannot_be_stored_is_served_and_counted_later(healthy, server):
    key = healthy.issue(healthy.new_member())
    refusal = "BEGIN SELECT RAISE(ABORT, 'not now'); END"
    server.execute(f"CREATE TRIGGER refuse BEFORE UPDATE OF last_used_at ON apikeys_apikey {refusal}")

    statuses = {call(server.url, key).status for _ in range(5)}
    wait_until(lambda: "not now" in server.log.read_text(), "the line that tells of it")
    assert used(server, key) is None
    server.execute("DROP TRIGGER refuse")

    assert statuses == {200}
    wait_until(lambda: used(server, key), "the use that was kept")
    assert server.stop() == 0
    assert all(json.loads(line) for line in server.log.read_text().splitlines())
