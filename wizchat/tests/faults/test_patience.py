"""A connection never waits for PostgreSQL longer than its limit."""

from __future__ import annotations

import time
from contextlib import closing

import psycopg
import pytest
from psycopg.errors import QueryCanceled

from wizchat.postgresql.base import CANCEL_SECONDS, Connection

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("faults")]

PATIENCE = 1
LEEWAY = 20  # seconds that a busy machine may take for what usually takes none
ROWS = [(number,) for number in range(5000)]


@pytest.fixture
def connection(postgres):
    """A connection whose patience a busy machine doesn't exceed."""
    with closing(Connection.connect(postgres.url, patience=10 + LEEWAY)) as connection:
        yield connection


@pytest.fixture
def impatient(postgres):
    with closing(Connection.connect(postgres.url, patience=10 + LEEWAY, prepare_threshold=0)) as connection:
        connection.execute("CREATE TEMPORARY TABLE numbers (number int)")
        connection.patience = PATIENCE
        yield connection


def read_by_a_cursor_of_the_server(connection):
    with connection.cursor("numbers") as cursor:
        cursor.execute("SELECT 1")


@pytest.mark.parametrize(
    "ask",
    [
        lambda connection: connection.execute("SELECT %s", [1]).fetchone(),
        lambda connection: connection.cursor().executemany("INSERT INTO numbers VALUES (%s)", ROWS),
        read_by_a_cursor_of_the_server,
        lambda connection: connection.commit(),
        lambda connection: connection.rollback(),
    ],
    ids=["statement", "many statements", "cursor of the server", "commit", "rollback"],
)
def test_a_silent_server_is_given_up(postgres, impatient, ask):
    began_at = time.monotonic()
    with postgres.frozen(), pytest.raises(psycopg.OperationalError, match="no answer within 1 seconds"):
        ask(impatient)

    assert PATIENCE <= time.monotonic() - began_at < PATIENCE + LEEWAY
    assert impatient.closed


def test_a_server_that_responds_in_time_is_not_given_up(connection):
    connection.execute("SELECT pg_sleep(0.5)")

    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_server_that_reports_the_timeout_itself_is_not_given_up(connection):
    connection.execute("SET statement_timeout = '0.5s'")
    connection.commit()

    with pytest.raises(QueryCanceled):
        connection.execute("SELECT pg_sleep(120)")

    connection.rollback()
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_waiting_for_notifications_has_its_own_timeout(connection):
    began_at = time.monotonic()
    assert list(connection.notifies(timeout=0.2)) == []

    assert time.monotonic() - began_at < connection.patience
    assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.fixture
def cancelling(postgres):
    connection = Connection.connect(postgres.url, patience=PATIENCE, cancels=True, autocommit=True)
    with closing(connection):
        yield connection


def test_a_statement_that_is_given_up_ends_on_the_server_too(cancelling, postgres, monkeypatch):
    monkeypatch.setattr("wizchat.postgresql.base.CANCEL_SECONDS", LEEWAY)
    with pytest.raises(QueryCanceled):
        cancelling.execute("SELECT pg_sleep(120)")
    cancelling.patience = LEEWAY

    with postgres.connect() as other:
        assert other.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'"
        ).fetchone() == (0,)
    assert cancelling.execute("SELECT 1").fetchone() == (1,)


def test_a_server_that_does_not_accept_a_cancel_request_is_given_up(cancelling, postgres):
    began_at = time.monotonic()
    with postgres.frozen(), pytest.raises(psycopg.OperationalError, match="no answer within 1 seconds"):
        cancelling.execute("SELECT 1")

    assert time.monotonic() - began_at < PATIENCE + 2 * CANCEL_SECONDS + LEEWAY
    assert cancelling.closed
