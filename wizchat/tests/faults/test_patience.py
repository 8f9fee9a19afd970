"""Whatever a connection is asked for, it waits for PostgreSQL's answer as long as it was told."""

from __future__ import annotations

import time

import psycopg
import pytest
from psycopg.errors import QueryCanceled

from wizchat.postgresql.base import Connection

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("faults")]

PATIENCE = 1
ROWS = [(number,) for number in range(5000)]


@pytest.fixture
def connection(postgres):
    connection = Connection.connect(postgres.url, patience=PATIENCE, prepare_threshold=0)
    connection.execute("CREATE TEMPORARY TABLE numbers (number int)")
    yield connection
    connection.close()


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
def test_a_server_that_is_silent_is_left(postgres, connection, ask):
    began_at = time.monotonic()
    with postgres.frozen(), pytest.raises(psycopg.OperationalError, match="no answer within 1 seconds"):
        ask(connection)

    assert PATIENCE <= time.monotonic() - began_at < PATIENCE + 2
    assert connection.closed


def test_a_server_that_answers_in_time_is_not_left(connection):
    connection.execute("SELECT pg_sleep(0.5)")

    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_server_that_says_itself_that_time_is_up_is_not_left(connection):
    connection.execute("SET statement_timeout = '0.5s'")
    connection.commit()

    with pytest.raises(QueryCanceled):
        connection.execute("SELECT pg_sleep(5)")

    connection.rollback()
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_who_waits_for_notifications_says_how_long(connection):
    began_at = time.monotonic()
    assert list(connection.notifies(timeout=0.2)) == []

    assert time.monotonic() - began_at < PATIENCE
    assert connection.execute("SELECT 1").fetchone() == (1,)
