"""PostgreSQL stops, crashes or hangs: 503 and nothing else, and everything works once it is back."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from testing.client import Load, Person, call, send
from testing.commands import manage
from testing.keys import id_of
from testing.services import wait_until
from wizchat.tests.faults.conftest import used, waiting
from wizchat.tests.test_manage import MIGRATE

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("faults")]

UNAVAILABLE = {"code": "UNAVAILABLE", "message": "Service temporarily unavailable"}
THREADS = 4
TABLES = "apikeys_apikey", "chatbots_chatbot"
TIMEOUT = 3  # seconds: more than a statement takes on a busy machine
ANSWER = TIMEOUT + 2  # with some grace
CONNECTION = 3  # the timeout of connecting
LEEWAY = 20  # seconds that a busy machine may take for what usually takes none


@pytest.fixture(scope="module")
def impatient(serve):
    """One process with a short statement timeout."""
    return serve(DATABASE_TIMEOUT=str(TIMEOUT), WEB_CONCURRENCY="1", WEB_THREADS=str(THREADS))


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_without_a_database_everything_is_unavailable_and_recovers_with_it(
    cluster, postgres, stopped, key, member, address, mode
):
    revoked = cluster.issue(member)
    cluster.manage("apikey", "revoke", id_of(revoked))
    forged = "wzc_000000000000_" + "0" * 43

    start = stopped(mode)
    presented = [key, revoked] * 6
    answers = [call(cluster.url, raw) for raw in presented]
    page = Person(cluster.url, member.session).get("/settings/api/")
    sign_in = Person(cluster.url).post("/accounts/login/", login=member.username, password=member.password)
    ready, alive = send(cluster.url, path="/readyz"), send(cluster.url, path="/healthz")
    malformed = call(cluster.url, forged, source=address)
    start()
    back = [call(cluster.url, key) for _ in range(40)]

    assert [(answer.status, answer.error) for answer in answers] == [(503, UNAVAILABLE)] * len(presented)
    assert {int(answer.headers["Retry-After"]) > 0 for answer in answers} == {True}
    assert (page.status, page.headers["Content-Type"]) == (503, "text/html; charset=utf-8")
    assert int(page.headers["Retry-After"]) > 0
    assert "Traceback" not in page.text
    assert sign_in.status == 503
    assert (ready.status, ready.json["checks"]["database"]) == (503, "unavailable")
    assert alive.status == 200
    assert malformed.status == 401  # needs no database
    assert {answer.status for answer in back} == {200}
    assert call(cluster.url, revoked).error["message"] == "API key has been revoked"
    assert Person(cluster.url, member.session).get("/settings/api/").status == 200


def test_under_load_every_response_is_200_or_503_and_every_200_is_counted(cluster, postgres, stopped, key):
    before = 20  # calls of the fixture
    wait_until(lambda: used(postgres, key) == before, "the count of what went before")

    answered = before + Load(cluster.url, key).answered_through(lambda: stopped("immediate"))
    wait_until(lambda: used(postgres, key) >= answered, "the count of what was answered")
    assert used(postgres, key) == answered


def test_a_locked_table_costs_a_request_no_more_than_the_timeout(impatient, postgres, member):
    key = impatient.issue(member)
    assert call(impatient.url, key).status == 200

    with postgres.connect() as connection, connection.transaction():
        connection.execute("LOCK TABLE apikeys_apikey IN ACCESS EXCLUSIVE MODE")
        began_at = time.monotonic()
        answer = call(impatient.url, key)
        took = time.monotonic() - began_at

    assert (answer.status, answer.error) == (503, UNAVAILABLE)
    assert TIMEOUT / 2 < took < TIMEOUT + LEEWAY
    assert call(impatient.url, key).status == 200


def test_a_frozen_database_holds_a_thread_no_longer_than_the_timeout(impatient, postgres, member):
    url, key = impatient.url, impatient.issue(member)
    person = Person(url, member.session)
    with ThreadPoolExecutor(THREADS) as pool:
        assert {answer.status for answer in pool.map(call, [url] * 20, [key] * 20)} == {200}

    with postgres.frozen(), ThreadPoolExecutor(4 * THREADS) as pool:
        began_at = time.monotonic()
        calls = [pool.submit(call, url, key) for _ in range(2 * THREADS)]
        pages = [pool.submit(person.get, "/settings/api/") for _ in range(THREADS)]
        alive, ready = (pool.submit(send, url, path=path) for path in ("/healthz", "/readyz"))
        answers, pages = [answer.result() for answer in calls], [page.result() for page in pages]
        took = time.monotonic() - began_at
        alive, ready = alive.result(), ready.result()
    back = [call(url, key) for _ in range(20)]

    assert [(answer.status, answer.error) for answer in answers] == [(503, UNAVAILABLE)] * 2 * THREADS
    assert {int(answer.headers["Retry-After"]) > 0 for answer in [*answers, *pages]} == {True}
    assert {(page.status, page.headers["Content-Type"]) for page in pages} == {
        (503, "text/html; charset=utf-8")
    }
    assert alive.status == 200
    assert (ready.status, ready.json["checks"]["database"]) == (503, "unavailable")
    # Each thread drops its connection, and then fails to open a new one for each later request.
    assert took < ANSWER + 5 * CONNECTION + LEEWAY
    assert {answer.status for answer in back} == {200}
    assert person.get("/settings/api/").status == 200


def test_a_change_during_which_the_database_freezes_is_not_made(impatient, postgres, member):
    key = impatient.issue(member)
    person, page = Person(impatient.url, member.session), f"/settings/api/{id_of(key)}/revoke/"

    with ThreadPoolExecutor(1) as pool, postgres.connect() as connection, connection.transaction():
        connection.execute("LOCK TABLE apikeys_keyevent IN SHARE MODE")  # makes writers wait
        revocation = pool.submit(person.post, page)
        wait_until(lambda: waiting(postgres) == 1, "the end of what can be done")
        with postgres.frozen():
            answer = revocation.result()

    assert answer.status == 503
    assert call(impatient.url, key).status == 200
    assert person.post(page).status == 302
    assert call(impatient.url, key).error["message"] == "API key has been revoked"


def test_usage_that_is_being_written_when_the_database_freezes_is_written_once(impatient, postgres, member):
    key = impatient.issue(member)

    with postgres.connect() as connection, connection.transaction():
        connection.execute("LOCK TABLE apikeys_keyusage IN SHARE MODE")  # makes writers wait
        statuses = {call(impatient.url, key).status for _ in range(10)}
        wait_until(lambda: waiting(postgres) == 1, "usage that is being written")
        with postgres.frozen():
            kept = impatient.log.read_text().count("usage is kept for the next try")
            wait_until(
                lambda: impatient.log.read_text().count("usage is kept for the next try") > kept + 1,
                "an attempt to write that ends, and another one",
            )

    assert statuses == {200}
    wait_until(lambda: used(postgres, key) >= 10, "the count of what was answered")
    assert call(impatient.url, key).status == 200
    wait_until(lambda: used(postgres, key) >= 11, "the count of what was answered later")
    assert used(postgres, key) == 11


def test_requests_are_served_while_usage_cannot_be_written(cluster, postgres, key):
    before = used(postgres, key)

    # With this lock, readers continue and writers wait.
    with postgres.connect() as connection, connection.transaction():
        connection.execute("LOCK TABLE apikeys_apikey, apikeys_keyusage IN SHARE MODE")
        statuses = {call(cluster.url, key).status for _ in range(20)}

    assert statuses == {200}
    wait_until(lambda: used(postgres, key) == max(before, 20) + 20, "the count of what was answered")


def test_connections_that_the_server_closed_cost_no_request(cluster, postgres, key):
    with postgres.connect() as connection:
        (ended,) = connection.execute(
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
            "WHERE application_name = 'wizchat' AND state = 'idle'"
        ).fetchone()

    assert ended > 0
    assert {call(cluster.url, key).status for _ in range(40)} == {200}


def test_a_request_is_two_statements_to_the_server(serve, postgres, member, key):
    with postgres.connect() as connection:
        connection.execute("ALTER ROLE postgres IN DATABASE wizchat SET log_statement = 'all'")
    server = serve(WEB_CONCURRENCY="1", WEB_THREADS="1")
    assert {call(server.url, key).status for _ in range(4)} == {200}
    log = postgres.folder / "log"
    before = log.stat().st_size

    assert {call(server.url, key).status for _ in range(20)} == {200}
    server.stop()  # writes usage, in its own transaction
    with postgres.connect() as connection:
        connection.execute("ALTER ROLE postgres IN DATABASE wizchat RESET log_statement")
    with log.open() as file:
        file.seek(before)
        statements = [
            line.partition(": ")[2] for line in file if "LOG:  execute" in line or "LOG:  statement" in line
        ]

    lookups, lists = ([it for it in statements if f'SELECT "{table}"."' in it] for table in TABLES)
    assert (len(lookups), len(lists)) == (20, 20), statements
    assert [it for it in statements if it.rstrip().endswith(("SELECT 1", "SELECT 1;"))] == []


def test_the_lookup_of_a_key_is_prepared(cluster):
    printed = cluster.shell(
        "from django.db import connection; from apikeys.auth.credentials import lookup\n"
        "for _ in range(5): lookup('000000000000')\n"
        "cursor = connection.cursor(); cursor.execute('SELECT statement FROM pg_prepared_statements')\n"
        "print(cursor.fetchall())"
    )

    assert "apikeys_apikey" in printed
    assert "$1" in printed


def test_without_tables_a_command_says_what_to_run(postgres):
    empty = postgres.url.replace("/wizchat", "/postgres")

    assert manage("apikey", "list", DATABASE_URL=empty).stderr == MIGRATE
