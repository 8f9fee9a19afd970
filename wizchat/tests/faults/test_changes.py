"""Once a key has been restricted, by any means, no request that begins afterwards gets through.

Four processes serve load throughout. Requests count if they begin after the change was confirmed to
whoever made it.
"""

from __future__ import annotations

import time
from typing import NamedTuple

import pytest

from testing.client import Load, Person, call
from testing.keys import id_of
from testing.services import wait_until

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("faults")]

REVOKED = (401, "API key has been revoked")
WRONG_ADDRESS = (403, "IP address not allowed")
NO_PERMISSION = (403, 'This API key lacks the "read" permission')
INVALID = (401, "Invalid API key")
ELSEWHERE = "192.0.2.1"

MAKE_OPERATOR = """
from importlib import import_module
from django.conf import settings
from django.contrib import auth
from django.contrib.auth.models import User
operator = User.objects.create_superuser("operator", "operator@example.com", "{password}")
session = import_module(settings.SESSION_ENGINE).SessionStore()
session[auth.SESSION_KEY] = str(operator.pk)
session[auth.BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
session[auth.HASH_SESSION_KEY] = operator.get_session_auth_hash()
session.save()
print(session.session_key)
"""


class World(NamedTuple):
    """The owner of the restricted key, and everyone who can restrict it."""

    cluster: object
    postgres: object
    owner: Person
    operator: Person
    username: str
    key_id: str
    pk: int

    def sql(self, statement):
        with self.postgres.connect() as connection:
            connection.execute(statement, {"key_id": self.key_id, "username": self.username})

    def page(self, path="", **fields):
        return self.owner.post(f"/settings/api/{self.key_id}/{path}", **fields)

    def admin(self, **fields):
        return self.operator.post(f"/admin/apikeys/apikey/{self.pk}/change/", **INLINE, **fields)

    def shell(self, code):
        self.cluster.shell(
            "from django.contrib.auth.models import User; from django.utils import timezone; "
            f"from apikeys.models import APIKey; {code}"
        )


INLINE = {"events-TOTAL_FORMS": "0", "events-INITIAL_FORMS": "0"}
SETTINGS = {"name": "Key", "permissions": ["read"], "allowed_networks": ""}
NARROWED = SETTINGS | {"allowed_networks": ELSEWHERE}
DROPPED = SETTINGS | {"permissions": ["write"]}

CHANGES = {
    "revoked on its page": (REVOKED, lambda it: it.page("revoke/")),
    "revoked by the action of the admin": (
        REVOKED,
        lambda it: it.operator.post(
            "/admin/apikeys/apikey/", action="revoke_selected", confirmed="yes", _selected_action=str(it.pk)
        ),
    ),
    "revoked by the command": (REVOKED, lambda it: it.cluster.manage("apikey", "revoke", it.key_id)),
    "revoked by update()": (
        REVOKED,
        lambda it: it.shell(
            f"APIKey.objects.filter(pk={it.pk}).update(revoked_at=timezone.now())",
        ),
    ),
    "revoked by SQL": (
        REVOKED,
        lambda it: it.sql("UPDATE apikeys_apikey SET revoked_at = now() WHERE key_id = %(key_id)s"),
    ),
    "rotated without overlap": (REVOKED, lambda it: it.page("rotate/", overlap="0")),
    "narrowed on its page": (WRONG_ADDRESS, lambda it: it.page(**NARROWED)),
    "narrowed in the admin": (WRONG_ADDRESS, lambda it: it.admin(**NARROWED)),
    "narrowed by update()": (
        WRONG_ADDRESS,
        lambda it: it.shell(f"APIKey.objects.filter(pk={it.pk}).update(allowed_networks='{ELSEWHERE}')"),
    ),
    "narrowed by SQL": (
        WRONG_ADDRESS,
        lambda it: it.sql(
            f"UPDATE apikeys_apikey SET allowed_networks = '{ELSEWHERE}' WHERE key_id = %(key_id)s"
        ),
    ),
    "permission dropped on its page": (NO_PERMISSION, lambda it: it.page(**DROPPED)),
    "permission dropped in the admin": (NO_PERMISSION, lambda it: it.admin(**DROPPED)),
    "permission dropped by update()": (
        NO_PERMISSION,
        lambda it: it.shell(f"APIKey.objects.filter(pk={it.pk}).update(permissions=2)"),
    ),
    "permission dropped by SQL": (
        NO_PERMISSION,
        lambda it: it.sql("UPDATE apikeys_apikey SET permissions = 2 WHERE key_id = %(key_id)s"),
    ),
    "owner deactivated by update()": (
        INVALID,
        lambda it: it.shell(f"User.objects.filter(username='{it.username}').update(is_active=False)"),
    ),
    "owner deactivated by SQL": (
        INVALID,
        lambda it: it.sql("UPDATE auth_user SET is_active = false WHERE username = %(username)s"),
    ),
    "owner deleted by the ORM": (
        INVALID,
        lambda it: it.shell(f"User.objects.get(username='{it.username}').delete()"),
    ),
    "owner deactivated in the admin": (INVALID, lambda it: deactivate_in_admin(it)),
}


def deactivate_in_admin(world):
    """Save the owner's page in the admin with "Active" unticked."""
    with world.postgres.connect() as connection:
        (pk,) = connection.execute(
            "SELECT id FROM auth_user WHERE username = %s", [world.username]
        ).fetchone()
    joined = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    answer = world.operator.post(
        f"/admin/auth/user/{pk}/change/", username=world.username, email="left@example.com", **joined
    )
    assert answer.status == 302, answer.text


@pytest.fixture(scope="module")
def operator(cluster):
    """The session of an operator with all permissions in the admin."""
    return cluster.shell(MAKE_OPERATOR.format(password="not to be used")).strip()


@pytest.fixture
def world(cluster, postgres, operator, member, key):
    with postgres.connect() as connection:
        (pk,) = connection.execute("SELECT id FROM apikeys_apikey WHERE key_id = %s", [id_of(key)]).fetchone()
    people = Person(cluster.url, member.session), Person(cluster.url, operator)
    return World(cluster, postgres, *people, member.username, id_of(key), pk)


@pytest.mark.parametrize("change", CHANGES)
def test_no_request_that_begins_after_a_change_gets_through(cluster, key, world, address, change):
    refusal, make = CHANGES[change]

    with Load(cluster.url, key, source=address) as load:
        wait_until(lambda: len(load.answers) > 20, "load")
        make(world)
        changed_at = time.monotonic()
        wait_until(lambda: len(load.since(changed_at)) >= 40, "load after the change")

    assert load.broken == []
    assert load.statuses >= {200, refusal[0]}
    # A key that no longer exists counts as a guess, and guesses are limited.
    after = {(answer.status, answer.error["message"]) for answer in load.since(changed_at)}
    assert after <= {refusal, (429, "Too many failed authentications")}
    assert load.answers[0].status == 200
    assert call(cluster.url, key, source=address).status in {refusal[0], 429}
