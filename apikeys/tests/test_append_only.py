"""Nothing changes an event, and only the deletion of its key deletes it.

apikeys/pages/tests/test_activity.py tests that the model's own methods refuse it. These tests cover the
ways around them: SQL, and Django's private methods.
"""

from __future__ import annotations

import ast
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from apikeys import chores
from apikeys.models import KeyEvent, Origin
from testing.server import ROOT

WRITES = {
    *("update", "aupdate", "_update", "bulk_update", "abulk_update", "update_or_create", "aupdate_or_create"),
    *("delete", "adelete", "_raw_delete", "raw", "_base_manager"),
}
UNGUARDED = ("django.db.models.sql", "django.db.models.deletion")
READS = {"wizchat/statements.py": ["django.db.models.sql.compiler"]}
"""Modules that import one of these but only read: a ``Statement`` is a SELECT."""
TABLE = KeyEvent._meta.db_table


def sources():
    """Return each module that runs in production."""
    apps = [path for app in ("apikeys", "chatbots", "wizchat") for path in (ROOT / app).rglob("*.py")]
    return [path for path in apps if not {"tests", "migrations"} & set(path.parts)]


def writes(code):
    """Yield what in ``code`` could change or delete events without the model's own methods."""
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Attribute(attr=name, value=value) if name in WRITES:
                if re.search("event", ast.unparse(value), re.IGNORECASE):
                    yield ast.unparse(node)
            case ast.ImportFrom(module=str(module)) if module.startswith(UNGUARDED):
                yield module
            case ast.keyword(arg="update_conflicts"):
                yield "update_conflicts"
            case ast.Constant(value=str(text)) if TABLE in text:
                yield text


def test_code_only_adds_events():
    found = {str(path.relative_to(ROOT)): list(writes(path.read_text())) for path in sources()}

    assert len(found) > 100
    assert {path: writes for path, writes in found.items() if writes} == READS


@pytest.mark.parametrize(
    "code",
    [
        "KeyEvent.objects.filter(pk=1).delete()",
        "key.events.update(ip='')",
        "erase = old_events.delete",
        "KeyEvent._base_manager.filter(pk=1)",
        f"cursor.execute('DELETE FROM {TABLE}')",
        "from django.db.models.sql import DeleteQuery",
        "KeyEvent.objects.bulk_create([event], update_conflicts=True)",
    ],
)
def test_the_search_finds_other_writes(code):
    assert list(writes(code))


@pytest.mark.django_db
def test_only_housekeeping_and_a_deleted_account_delete_events(issue, owner, stranger):
    now = timezone.now()
    old, _raw = issue(now=now - timedelta(days=800))
    old.revoke(by=stranger, now=now - timedelta(days=400), origin=Origin(ip="192.0.2.1"))
    kept, _raw = issue()
    kept.revoke(by=stranger, now=now)
    written = []

    def note(execute, sql, *arguments):
        if TABLE in sql and sql.split()[0] in {"DELETE", "UPDATE"}:
            written.append(sql.split()[0])
        return execute(sql, *arguments)

    with connection.execute_wrapper(note):
        assert chores.delete_keys_ended_before(now - timedelta(days=365)) == 1
        assert written == ["DELETE"]
        assert set(KeyEvent.objects.values_list("key", flat=True)) == {kept.pk}

        stranger.delete()
        assert KeyEvent.objects.filter(key=kept, action="revoked").values_list(
            "actor", "actor_name"
        ).get() == (
            None,
            "stan",
        )

        owner.delete()
        assert not KeyEvent.objects.exists()
