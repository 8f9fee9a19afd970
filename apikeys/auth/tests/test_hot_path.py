"""The cost of authentication, in counts rather than in time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from threading import Barrier

import pytest
from django.contrib.auth.models import User
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.test import RequestFactory
from django.utils import timezone

from apikeys.auth import credentials
from apikeys.auth.authentication import genuine, owner_of
from apikeys.core import networks
from testing.driver import round_trips
from testing.keys import forged, id_of
from testing.server import Server

MAKE_KEYS = """
from django.contrib.auth.models import User
from django.utils import timezone
from apikeys.models import APIKey, Permission
owner = User.objects.earliest("pk")
make = {"owner": owner, "by": owner, "name": "Cold", "permissions": Permission.READ, "now": timezone.now()}
for _ in range(64): print(APIKey.objects.issue(**make)[1])
"""


@pytest.fixture
def ask(transactional_db):
    """Return a function that sends a request with a key through the whole stack."""
    application = get_wsgi_application()

    def ask(raw):
        environ = RequestFactory().get("/v1/chatbots", headers={"Authorization": f"Bearer {raw}"}).environ
        statuses = []
        response = application(environ, lambda status, _headers: statuses.append(status))
        response.close()
        return int(statuses[0][:3])

    connection.close()  # an old connection would be renewed in the middle
    yield ask
    connection.close()


def test_a_request_makes_one_round_trip_for_the_key_and_one_for_the_answer(issue, ask):
    _key, raw = issue()
    assert {ask(raw) for _ in range(4)} == {200}  # the cost of first uses: Argon2, preparing statements

    with round_trips(connection) as seen:
        status = ask(raw)

    assert status == 200
    assert len(seen) == 2, seen
    assert id_of(raw) in seen[0]


@pytest.mark.parametrize(("state", "count"), [("revoked", 1), ("wrong secret", 1), ("bad checksum", 0)])
def test_a_refused_request_makes_no_round_trip_but_the_lookup(issue, owner, ask, state, count):
    key, raw = issue()
    if state == "revoked":
        key.revoke(by=owner, now=timezone.now())
    elif state == "wrong secret":
        raw = forged(key.key_id)
    else:
        raw = raw[:-1] + ("a" if raw[-1] != "a" else "b")
    assert {ask(raw) for _ in range(4)} == {401}

    with round_trips(connection) as seen:
        assert ask(raw) == 401

    assert len(seen) == count, seen


@pytest.mark.django_db
def test_the_lookup_uses_the_index_of_ids(issue):
    issue()
    explain, by_index, by_reading_all = {
        "sqlite": ("EXPLAIN QUERY PLAN ", "SEARCH apikeys_apikey USING INDEX", "SCAN"),
        "postgresql": ("EXPLAIN ", "using apikey_id_unique on apikeys_apikey", "Seq Scan"),
    }[connection.vendor]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # PostgreSQL would scan a table with one row
        parameters = {"p0": "0" * 12} if connection.vendor == "sqlite" else ["0" * 12]
        cursor.execute(explain + credentials.LOOKUP.sql, parameters)
        plan = str(cursor.fetchall())

    assert by_index in plan
    assert "key_id" in plan
    assert by_reading_all not in plan


@pytest.mark.django_db
def test_the_owner_equals_the_one_that_django_would_have_loaded(issue):
    _key, raw = issue()
    credential = genuine(raw)

    ours = owner_of(credential)
    djangos = User.from_db(None, ["id"], [credential.owner_id])

    assert (ours._state.db, ours._state.adding) == (djangos._state.db, djangos._state.adding)
    assert vars(ours).keys() == vars(djangos).keys()
    assert ours.get_deferred_fields() == djangos.get_deferred_fields()


@pytest.mark.django_db
def test_an_address_list_is_parsed_only_once(issue, call, monkeypatch):
    entries = "\n".join([*(f"192.0.2.{n}" for n in range(99)), "127.0.0.1"])
    _key, raw = issue(allowed_networks=entries)
    assert call(raw).status_code == 200
    monkeypatch.setattr(networks, "parse_network", lambda entry: pytest.fail("parsed again"))

    assert call(raw).status_code == 200


@pytest.mark.django_db
def test_a_session_cookie_costs_the_api_nothing(issue, owner, client, call):
    _key, raw = issue()
    client.force_login(owner)
    header = {"Authorization": f"Bearer {raw}"}
    for _ in range(4):
        call(raw)

    with round_trips(connection) as seen:
        answer = client.get("/v1/chatbots", headers=header, secure=True)

    assert answer.status_code == 200
    assert not answer.cookies
    assert len(seen) == 2, seen  # the key, the chatbots


@pytest.fixture
def server_of_64_threads(tmp_path):
    with closing(Server(tmp_path, WEB_THREADS="64")) as server:
        yield server.prepare().start()


def test_64_cold_keys_at_once_take_no_more_memory_than_a_few(server_of_64_threads):
    """64 times 19 MiB would be 1.2 GiB; the verifications queue instead."""
    server = server_of_64_threads
    keys = server.shell(MAKE_KEYS).split()
    assert get_chatbots(server, "none") == 401
    (worker,) = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    idle = memory(worker)["VmRSS"]
    together = Barrier(len(keys))

    def use(raw):
        together.wait(60)
        return get_chatbots(server, raw)

    with ThreadPoolExecutor(len(keys)) as pool:
        assert set(pool.map(use, keys)) == {200}

    assert memory(worker)["VmHWM"] - idle < 400 * 1024


def get_chatbots(server, raw):
    with closing(HTTPConnection(server.host, server.port, timeout=120)) as connection:
        connection.request("GET", "/v1/chatbots", headers={"Authorization": f"Bearer {raw}"})
        response = connection.getresponse()
        response.read()
        return response.status


def memory(pid):
    """Return a process's memory in KiB, as Linux reports it."""
    lines = (line.split() for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {words[0].rstrip(":"): int(words[1]) for words in lines if words[0].startswith("Vm")}
