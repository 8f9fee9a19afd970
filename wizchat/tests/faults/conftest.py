"""Four processes on a PostgreSQL and a Redis that tests can stop, freeze and start."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import count

import pytest

from testing.client import call
from testing.keys import id_of
from testing.server import Server
from testing.services import Postgres, Redis

PROCESSES = "4"
NUMBERS = count(1)


@pytest.fixture(scope="session")
def postgres():
    postgres = Postgres().start()
    yield postgres
    postgres.close()


@pytest.fixture
def stopped(postgres):
    """Return a function that stops the database; it runs again after the test in any case."""
    running = True

    def stop(mode):
        nonlocal running
        postgres.stop(mode)
        running = False
        return start

    def start():
        nonlocal running
        if not running:
            postgres.start()
            running = True

    yield stop
    start()


@pytest.fixture(scope="session")
def redis():
    redis = Redis().start()
    yield redis
    redis.close()


@pytest.fixture(scope="session")
def serve(postgres, redis, tmp_path_factory):
    """Return a function that starts a server of four processes with extra ``environ``."""
    servers = ExitStack()
    numbers = count(1)

    def serve(**environ):
        environ = {
            "DATABASE_URL": postgres.url,
            "DATABASE_POOLER": "none",
            "CACHE_URL": redis.patient_url,
            "WEB_CONCURRENCY": PROCESSES,
            "DATABASE_TIMEOUT": "5",
        } | environ
        server = Server(tmp_path_factory.mktemp("server"), **environ)
        servers.callback(server.close)
        if next(numbers) == 1:
            server.prepare()
        return server.start()

    with servers:
        yield serve


@pytest.fixture(scope="session")
def cluster(serve):
    """The server that most tests share. It is never restarted, whatever tests do to it."""
    return serve(AUTH_FAILURES_PER_MINUTE="10", METRICS_TOKEN="metrics-token")


@pytest.fixture
def address():
    """An address that no other test calls from, because processes count guesses per address."""
    return f"127.1.{next(NUMBERS)}.1"


@pytest.fixture
def member(cluster):
    return cluster.new_member()


@pytest.fixture
def key(cluster, member):
    """A key that all four processes have verified."""
    key = cluster.issue(member, "read")
    assert {call(cluster.url, key).status for _ in range(20)} == {200}
    return key


def used(postgres, key):
    """Return how often ``key`` was used, according to the database."""
    with postgres.connect() as connection:
        (uses,) = connection.execute(
            "SELECT coalesce(sum(count), 0) FROM apikeys_keyusage u JOIN apikeys_apikey k ON k.id = u.key_id "
            "WHERE k.key_id = %s AND outcome = 'answered'",
            [id_of(key)],
        ).fetchone()
    return uses


def waiting(postgres):
    """Return how many statements wait for a lock."""
    with postgres.connect() as connection:
        (count,) = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        ).fetchone()
    return count
