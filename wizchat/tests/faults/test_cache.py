"""Redis stops or hangs: keys keep working, guesses stay limited, and sign-in is refused."""

from __future__ import annotations

import pytest

from testing.client import Person, call, send
from testing.keys import id_of
from testing.services import wait_until

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("faults")]

LIMIT = 10  # the cluster's limit of failures per minute
PROCESSES = 4


@pytest.fixture(autouse=True)
def _running_after(redis):
    yield
    redis.stop()
    redis.start()


def guess(cluster, times, address):
    """Return the statuses of ``times`` requests with wrong keys from ``address``."""
    return [call(cluster.url, "wrong", source=address).status for _ in range(times)]


def waits(cluster):
    """Return how many requests have waited for the cache; each of them logs that it failed."""
    return cluster.log.read_text().count("are kept in this process alone")


def sign_in(cluster, member, password=None):
    person = Person(cluster.url)
    return person, person.post(
        "/accounts/login/", login=member.username, password=password or member.password
    )


def test_all_processes_share_one_count_of_guesses(cluster, address):
    assert guess(cluster, LIMIT + 10, address) == [401] * LIMIT + [429] * 10


def test_without_the_cache_keys_work_and_guesses_are_limited_in_each_process(
    cluster, redis, key, member, address
):
    revoked = cluster.issue(member)
    cluster.manage("apikey", "revoke", id_of(revoked))

    redis.stop()

    assert {call(cluster.url, key).status for _ in range(20)} == {200}
    assert call(cluster.url, revoked).error["message"] == "API key has been revoked"
    statuses = guess(cluster, PROCESSES * LIMIT + 40, address)
    assert statuses.count(401) <= PROCESSES * LIMIT
    assert set(statuses) == {401, 429}
    assert call(cluster.url, key, source=address).status == 200
    ready = send(cluster.url, path="/readyz")
    assert (ready.status, ready.json["checks"]["cache"]) == (503, "unavailable")


def test_without_the_cache_nobody_can_sign_in_but_pages_keep_working(cluster, redis, member):
    redis.stop()

    person, answer = sign_in(cluster, member)

    assert (answer.status, answer.headers["Content-Type"]) == (503, "text/html; charset=utf-8")
    assert int(answer.headers["Retry-After"]) > 0
    assert "sessionid" not in person.cookies
    assert Person(cluster.url, member.session).get("/settings/api/").status == 200

    redis.start()
    person, answer = sign_in(cluster, member)
    assert answer.status == 302
    assert "sessionid" in person.cookies


def test_wrong_passwords_are_limited_over_all_processes(cluster, member):
    for _ in range(12):
        _person, answer = sign_in(cluster, member, "wrong")
        if answer.status == 429 or "Too many" in answer.text:
            break

    person, answer = sign_in(cluster, member)
    assert "sessionid" not in person.cookies


def test_no_process_waits_twice_for_a_hanging_cache(serve, redis, member, address):
    server = serve(CACHE_URL=redis.url)  # waits as briefly as in production
    key = server.issue(member)
    assert {call(server.url, key).status for _ in range(20)} == {200}
    wait_until(lambda: send(server.url, path="/readyz").status == 200, "readiness")

    before = waits(server)

    with redis.frozen():
        statuses = {call(server.url, key).status for _ in range(20)}
        statuses_of_guesses = set(guess(server, 40, address))

    server.stop()
    assert statuses == {200}
    assert statuses_of_guesses == {401}
    assert 1 <= waits(server) - before <= PROCESSES
