"""A table of a million keys on PostgreSQL: the plans of frequent queries, pages, migrations."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from testing.client import Person, call
from testing.server import Server
from testing.services import Postgres

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("million")]

KEYS = 1_000_000
OF_ONE_OWNER = 300

# The others belong to user1 to user100; one in ten is revoked.
FILL = f"""
INSERT INTO apikeys_apikey (
    key_id, checksum, encoding, owner_id, name, permissions, allowed_networks, created_at, revoked_at,
    last_used_address, last_used_user_agent, last_used_method, last_used_route
)
SELECT lpad(n::text, 12, '0'), '000000', '$argon2id$', owners.ids[1 + n % 100], 'Key ' || n, 1, '',
    now() - n * interval '1 second', CASE WHEN n % 10 = 0 THEN now() END, '', '', '', ''
FROM generate_series(1, {KEYS}) AS n,
    (SELECT ARRAY(SELECT id FROM auth_user ORDER BY id LIMIT 100) AS ids) AS owners
"""
OWN = """
UPDATE apikeys_apikey SET owner_id = (SELECT id FROM auth_user WHERE username = %s) WHERE key_id IN (
    SELECT lpad((n * 3000)::text, 12, '0') FROM generate_series(1, %s) AS n
)
"""
# The statements that the project's own code sends, one per line, with their parameters filled in.
STATEMENTS = """
import json
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from apikeys.auth.credentials import lookup

user = User.objects.get(username="{username}")
client = Client()
client.force_login(user)
with CaptureQueriesContext(connection) as captured:
    lookup("000000000042")
    for path in {paths}:
        assert client.get(path, headers={{"host": "127.0.0.1"}}).status_code == 200, path
print(json.dumps([query["sql"] for query in captured if "apikeys_apikey" in query["sql"]]))
"""


@pytest.fixture(scope="module")
def postgres():
    postgres = Postgres().start()
    yield postgres
    postgres.close()


@pytest.fixture(scope="module")
def server(postgres, tmp_path_factory):
    with closing(Server(tmp_path_factory.mktemp("server"), DATABASE_URL=postgres.url)) as server:
        yield server.prepare().start()


@pytest.fixture(scope="module")
def member(server, postgres):
    """The owner of some of the million keys."""
    member = server.new_member()
    with postgres.connect() as connection:
        connection.execute(FILL)
        connection.execute(OWN, [member.username, OF_ONE_OWNER])
        connection.execute("VACUUM ANALYZE apikeys_apikey")
    return member


def test_no_statement_of_the_hot_path_or_of_the_owners_pages_reads_the_whole_table(server, postgres, member):
    paths = ["/settings/api/", "/settings/api/?page=2", "/settings/api/?q=Key", "/settings/api/000000003000/"]
    code = STATEMENTS.format(username=member.username, paths=paths)
    statements = json.loads(server.shell(code))

    assert len(statements) > 5
    with postgres.connect() as connection:
        for statement in statements:
            rows = connection.execute("EXPLAIN " + statement).fetchall()
            plan = "\n".join(line for (line,) in rows)
            assert "Seq Scan on apikeys_apikey" not in plan, f"{statement}\n{plan}"
        lookup = connection.execute("EXPLAIN " + statements[0]).fetchall()
    assert "apikey_id_unique" in str(lookup)


def test_calls_are_answered_and_the_owners_pages_open(server, member):
    person = Person(server.url, member.session)
    key = server.issue(member)

    # A statement that takes too long would give a 503.
    assert call(server.url, key).status == 200
    assert person.get("/settings/api/").status == 200
    assert person.get("/settings/api/?page=12").status == 200


def test_the_list_of_operators_opens(server, member):
    operator = server.shell(
        "from django.contrib.auth.models import User\n"
        f"User.objects.filter(username='{member.username}').update(is_staff=True, is_superuser=True)"
    )
    person = Person(server.url, member.session)

    assert operator == ""
    # A statement that takes too long would give a 503.
    assert person.get("/admin/apikeys/apikey/").status == 200
    assert person.get("/admin/apikeys/apikey/?q=000000003000").status == 200


def test_migrations_go_back_and_forth_and_leave_every_key(server, postgres, member):
    with postgres.connect() as connection:
        count = "SELECT count(*), count(revoked_at), max(name) FROM apikeys_apikey"
        before = connection.execute(count).fetchone()
        server.manage("migrate", "apikeys", "0001", "--verbosity", "0")
        server.manage("migrate", "--verbosity", "0")
        assert connection.execute(count).fetchone() == before
    assert before[0] >= KEYS


def test_housekeeping_finishes_with_so_many_keys(server, postgres, member):
    with postgres.connect() as connection:
        connection.execute(
            "UPDATE apikeys_apikey SET revoked_at = now() - interval '2 years' "
            "WHERE key_id BETWEEN '000000100000' AND '000000101000' AND revoked_at IS NULL"
        )
    server.manage("housekeeping")

    with postgres.connect() as connection:
        query = "SELECT count(*) FROM apikeys_apikey WHERE revoked_at < now() - interval '1 year'"
        assert connection.execute(query).fetchone() == (0,)
