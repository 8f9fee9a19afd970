"""PgBouncer, as deployed, between WizChat and PostgreSQL: restarts, full pools, no lost requests."""

from __future__ import annotations

from contextlib import closing

import psycopg
import pytest

from testing.client import Load, call, send
from testing.proxies import PgBouncer
from testing.services import wait_until
from wizchat.tests.faults.conftest import used

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("faults")]

LOOKUPS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE state = 'active' AND query LIKE '%"auth_user"."is_active"%' AND pid <> pg_backend_pid()
"""
UNAVAILABLE = {"code": "UNAVAILABLE", "message": "Service temporarily unavailable"}


@pytest.fixture(scope="module")
def pooler(postgres):
    with closing(PgBouncer(postgres)) as pooler:
        yield pooler.start()


@pytest.fixture(scope="module")
def pooled(serve, pooler, cluster):
    """Two processes behind the pooler, besides those that connect directly."""
    return serve(DATABASE_URL=pooler.url, DATABASE_POOLER="transaction", WEB_CONCURRENCY="2")


@pytest.fixture
def stopped(pooler):
    """Return a function that stops the pooler; it runs again after the test in any case."""
    is_running = True

    def stop():
        nonlocal is_running
        pooler.stop()
        is_running = False
        return start

    def start():
        nonlocal is_running
        if not is_running:
            pooler.start()
            is_running = True

    yield stop
    start()


def test_without_the_pooler_everything_is_unavailable_and_recovers_with_it(pooled, stopped, key):
    assert {call(pooled.url, key).status for _ in range(20)} == {200}

    start = stopped()
    answers = [call(pooled.url, key) for _ in range(10)]
    ready = send(pooled.url, path="/readyz")
    start()
    back = {call(pooled.url, key).status for _ in range(20)}

    assert [(answer.status, answer.error) for answer in answers] == [(503, UNAVAILABLE)] * 10
    assert ready.status == 503
    assert back == {200}


def test_a_restart_under_load_is_503_at_worst_and_every_200_is_counted(pooled, postgres, stopped, key):
    before = 20  # calls of the fixture
    wait_until(lambda: used(postgres, key) == before, "the count of what went before")

    answered = before + Load(pooled.url, key).answered_through(stopped)
    wait_until(lambda: used(postgres, key) >= answered, "the count of what was answered")
    assert used(postgres, key) == answered


def test_server_connections_that_postgresql_closed_cost_no_request(pooled, postgres, key):
    assert {call(pooled.url, key).status for _ in range(20)} == {200}
    with postgres.connect() as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name = 'wizchat' AND state = 'idle'"
        )

    assert {call(pooled.url, key).status for _ in range(20)} == {200}


def test_the_deployed_configuration_sets_the_timeouts(pooler):
    with psycopg.connect(pooler.url, prepare_threshold=None) as connection:
        limits = [
            connection.execute(f"SHOW {name}").fetchone()[0]
            for name in ("statement_timeout", "idle_in_transaction_session_timeout")
        ]

    assert limits == ["15s", "1min"]


def test_behind_a_pooler_without_timeouts_a_statement_is_cancelled(serve, postgres, member, cluster):
    key = cluster.issue(member)
    with closing(PgBouncer(postgres, connect_query="SELECT 1")) as pooler:
        pooler.start()
        server = serve(
            DATABASE_URL=pooler.url, DATABASE_POOLER="transaction", DATABASE_TIMEOUT="3", WEB_CONCURRENCY="1"
        )
        assert call(server.url, key).status == 200

        with postgres.connect() as connection, connection.transaction():
            connection.execute("LOCK TABLE apikeys_apikey IN ACCESS EXCLUSIVE MODE")
            answer = call(server.url, key)
            # Only a statement for usage, which has just been sent, may wait.
            wait_until(lambda: connection.execute(LOOKUPS).fetchone() == (0,), "the end of the lookup")

        assert (answer.status, answer.error) == (503, UNAVAILABLE)
        assert call(server.url, key).status == 200
        server.stop()


def test_more_connections_than_the_pooler_has_are_served_in_turn(serve, postgres, key):
    with closing(PgBouncer(postgres, default_pool_size="2")) as pooler:
        pooler.start()
        server = serve(
            DATABASE_URL=pooler.url, DATABASE_POOLER="transaction", WEB_CONCURRENCY="1", WEB_THREADS="16"
        )

        with Load(server.url, key, threads=16) as load:
            wait_until(lambda: len(load.answers) > 200, "load")

        assert load.broken == []
        assert load.statuses == {200}
        server.stop()


def test_only_one_process_at_a_time_does_the_housekeeping(pooled):
    printed = pooled.shell(
        "from wizchat.housekeeping import lock\n"
        "with lock() as first:\n"
        "    with lock() as second: print(first, second)\n"
        "with lock() as third: print(third)"
    )

    assert printed.split() == ["True", "False", "True"]
