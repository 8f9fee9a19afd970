"""Migrations keep stored data, in both directions, while the previous release serves."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

FIRST_RELEASE = [("apikeys", "0002_key_usage")]
LIFE_OF_A_KEY = [("apikeys", "0005_forget_predecessor")]

pytestmark = pytest.mark.django_db(transaction=True)


def migrate(targets):
    executor = MigrationExecutor(connection)
    executor.migrate(targets)
    return MigrationExecutor(connection).loader.project_state(targets).apps


@pytest.fixture
def first_release():
    """The database as the first release left it; migrated back to the current release afterwards."""
    yield migrate(FIRST_RELEASE)
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def make_key(apps, owner_id, key_id, **values):
    values = {"permissions": 1, "created_at": timezone.now(), "created_by_id": owner_id} | values
    return apps.get_model("apikeys", "APIKey").objects.create(
        owner_id=owner_id, key_id=key_id, checksum="000000", encoding="$argon2id$", name="Old", **values
    )


def test_rotations_and_events_survive_migrating_forward_and_back(first_release, django_user_model):
    owner = django_user_model.objects.create_user("olga")
    operator = django_user_model.objects.create_user("root")
    ends_at = timezone.now() + timedelta(days=1)
    old = make_key(first_release, owner.pk, "a" * 12, expires_at=ends_at)
    new = make_key(first_release, owner.pk, "b" * 12, predecessor=old, created_by_id=None)
    for actor in (owner.pk, operator.pk, None):
        old.events.create(at=ends_at, actor_id=actor, action="changed", detail="name")

    apps = migrate(LIFE_OF_A_KEY)

    rotation = apps.get_model("apikeys", "Rotation").objects.get()
    assert (rotation.old_id, rotation.new_id, rotation.old_expires_at) == (old.pk, new.pk, ends_at)
    keys = apps.get_model("apikeys", "APIKey").objects
    assert [keys.get(pk=key.pk).created_by_kind for key in (old, new)] == ["user", "operator"]
    assert not first_release.get_model("apikeys", "APIKey").objects.exclude(predecessor=None).exists()
    events = apps.get_model("apikeys", "KeyEvent").objects.order_by("pk")
    assert list(events.values_list("actor_kind", "actor_name", "detail")) == [
        ("user", "olga", "name"),
        ("operator", "root", "name"),
        ("operator", "", "name"),
    ]

    apps = migrate(FIRST_RELEASE)

    key = apps.get_model("apikeys", "APIKey").objects.get(pk=new.pk)
    assert (key.predecessor_id, key.encoding) == (old.pk, "$argon2id$")


def test_the_previous_release_works_on_the_new_tables(first_release, django_user_model):
    owner = django_user_model.objects.create_user("olga")
    migrate(LIFE_OF_A_KEY)

    key = make_key(first_release, owner.pk, "c" * 12)
    key.events.create(at=timezone.now(), actor_id=owner.pk, action="created")
    first_release.get_model("apikeys", "APIKey").objects.filter(pk=key.pk).update(last_used_address="::1")

    key.refresh_from_db()
    assert (key.last_used_address, key.predecessor_id, key.events.count()) == ("::1", None, 1)
