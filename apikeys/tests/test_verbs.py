from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apikeys.models import (
    LONGEST_LIFETIME,
    AlreadyIssued,
    AlreadyRotated,
    APIKey,
    KeyEnded,
    KeyState,
    Origin,
    Permission,
)
from testing.keys import secret_of
from testing.statements import longest_statement

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def events(key):
    return [event.action for event in key.events.order_by("id")]


def test_a_new_key_has_its_settings_and_nothing_of_the_plaintext(issue, owner):
    now = timezone.now()
    key, raw = issue(now=now, allowed_networks="10.0.0.0/8", expires_at=now + DAY)
    key.refresh_from_db()

    assert (key.owner, key.created_by, key.name) == (owner, owner, "Production API")
    assert (key.created_at, key.expires_at, key.networks) == (now, now + DAY, ["10.0.0.0/8"])
    assert raw.startswith(f"wzc_{key.key_id}_")
    secret = secret_of(raw)
    assert not any(secret in str(value) for value in APIKey.objects.values_list().get(pk=key.pk))
    assert events(key) == ["created"]


def test_a_form_creates_one_key(issue, owner):
    key, _raw = issue(form_token="once")

    with pytest.raises(AlreadyIssued) as caught:
        issue(form_token="once")

    assert caught.value.key == key
    assert APIKey.objects.count() == 1


def test_owners_can_have_the_same_form_token(issue, stranger):
    issue(form_token="once")

    key, _raw = issue(form_token="once", owner=stranger)

    assert key.owner == stranger


@pytest.mark.parametrize("permissions", [0, 8, -1])
def test_the_database_refuses_a_key_without_permission(issue, permissions):
    with pytest.raises(IntegrityError), transaction.atomic():
        issue(permissions=permissions)


def test_revoking_happens_once_and_is_final(issue, owner, stranger):
    key, _raw = issue()
    first = timezone.now()

    assert key.revoke(by=owner, now=first)
    assert not key.revoke(by=stranger, now=first + DAY)

    assert (key.revoked_at, key.revoked_by) == (first, owner)
    assert events(key) == ["created", "revoked"]
    with pytest.raises(KeyEnded):
        key.change(by=owner, now=first, name="Back again")


def test_a_stale_instance_cannot_undo_a_revocation(issue, owner):
    key, _raw = issue()
    stale = APIKey.objects.get(pk=key.pk)
    key.revoke(by=owner, now=timezone.now())

    with pytest.raises(KeyEnded):
        stale.change(by=owner, now=timezone.now(), name="Renamed")
    with pytest.raises(KeyEnded):
        stale.rotate(by=owner, now=timezone.now(), overlap=DAY)
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert key.name == "Production API"


def test_a_change_writes_and_records_only_what_differs(issue, owner):
    key, _raw = issue()

    assert key.change(by=owner, now=timezone.now(), name="Production API", permissions=Permission.READ) == [
        "permissions"
    ]
    assert key.change(by=owner, now=timezone.now(), permissions=Permission.READ) == []

    assert key.granted == Permission.READ
    assert [(e.action, e.changes) for e in key.events.order_by("id")] == [
        ("created", {}),
        ("changed", {"permissions": [["read", "write", "admin"], ["read"]]}),
    ]


@pytest.mark.parametrize("field", ["owner", "key_id", "key_hash", "revoked_at"])
def test_nothing_else_can_be_changed(issue, owner, field):
    key, _raw = issue()

    with pytest.raises(TypeError):
        key.change(by=owner, now=timezone.now(), **{field: None})


def test_rotation_keeps_name_permissions_addresses_and_lifetime(issue, owner):
    made = timezone.now() - 80 * DAY
    old, _raw = issue(
        now=made, permissions=Permission.READ, allowed_networks="10.0.0.0/8", expires_at=made + 90 * DAY
    )
    now = timezone.now()

    key, raw = old.rotate(by=owner, now=now, overlap=DAY)

    assert raw.startswith(f"wzc_{key.key_id}_")
    assert key.key_id != old.key_id
    for field in ("name", "permissions", "allowed_networks", "owner"):
        assert getattr(key, field) == getattr(old, field)
    assert key.expires_at - now == 90 * DAY
    assert key.predecessor == old
    old.refresh_from_db()
    assert old.expires_at == now + DAY
    assert (events(old), events(key)) == (["created", "rotated"], ["created"])


def test_rotation_of_a_key_that_never_expires_bounds_only_the_old_one(issue, owner):
    old, _raw = issue()
    now = timezone.now()

    key, _raw = old.rotate(by=owner, now=now, overlap=7 * DAY)

    old.refresh_from_db()
    assert (key.expires_at, old.expires_at) == (None, now + 7 * DAY)


def test_the_old_key_never_lives_past_its_own_expiry(issue, owner):
    now = timezone.now()
    old, _raw = issue(expires_at=now + timedelta(hours=2))

    old.rotate(by=owner, now=now, overlap=7 * DAY)

    old.refresh_from_db()
    assert old.expires_at == now + timedelta(hours=2)


def test_without_overlap_the_old_key_is_revoked_at_once(issue, owner, call):
    old, raw = issue()

    _key, new = old.rotate(by=owner, now=timezone.now(), overlap=timedelta(0))

    assert call(raw).json()["error"]["message"] == "API key has been revoked"
    assert call(new).status_code == 200


def test_with_overlap_both_keys_work(issue, owner, call):
    old, raw = issue()

    _key, new = old.rotate(by=owner, now=timezone.now(), overlap=timedelta(hours=1))

    assert call(raw).status_code == call(new).status_code == 200


@pytest.mark.parametrize("state", ["revoked", "expired"])
def test_an_ended_key_cannot_be_rotated(issue, owner, state):
    key, _raw = issue(expires_at=timezone.now() - DAY if state == "expired" else None)
    if state == "revoked":
        key.revoke(by=owner, now=timezone.now())

    with pytest.raises(KeyEnded):
        key.rotate(by=owner, now=timezone.now(), overlap=DAY)
    assert APIKey.objects.count() == 1


def test_a_successor_lives_no_longer_than_any_key_may(issue, owner):
    now = timezone.now()
    key, _raw = issue(now=now - timedelta(days=400), expires_at=now + LONGEST_LIFETIME)

    successor, _raw = key.rotate(by=owner, now=now, overlap=timedelta(0))

    assert successor.expires_at == now + LONGEST_LIFETIME


def test_a_rotated_key_has_one_successor(issue, owner):
    old, _raw = issue()
    key, _raw = old.rotate(by=owner, now=timezone.now(), overlap=DAY, form_token="once")

    with pytest.raises(AlreadyRotated) as rotated:
        old.rotate(by=owner, now=timezone.now(), overlap=7 * DAY)
    with pytest.raises(AlreadyIssued) as issued:
        old.rotate(by=owner, now=timezone.now(), overlap=DAY, form_token="once")

    assert rotated.value.successor == issued.value.key == key
    assert APIKey.objects.count() == 2


def test_rotation_takes_over_what_was_changed_a_moment_ago(issue, owner):
    key, _raw = issue()
    stale = APIKey.objects.get(pk=key.pk)
    key.change(by=owner, now=timezone.now(), allowed_networks="10.0.0.0/8", permissions=Permission.READ)

    successor, _raw = stale.rotate(by=owner, now=timezone.now(), overlap=DAY)

    assert (successor.allowed_networks, successor.granted) == ("10.0.0.0/8", Permission.READ)


def at_once(times, attempt):
    """Run ``attempt`` in ``times`` threads at once; return the results and exceptions."""
    together = Barrier(times)

    def run(_):
        together.wait(timeout=30)
        try:
            return attempt()
        except Exception as exception:
            return exception
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(run, range(times)))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("form_token", [None, "once"])
def test_rotations_at_once_create_one_successor(issue, owner, form_token):
    old, _raw = issue()

    results = at_once(
        8,
        lambda: APIKey.objects.get(pk=old.pk).rotate(
            by=owner, now=timezone.now(), overlap=DAY, form_token=form_token
        ),
    )

    assert sum(isinstance(result, tuple) for result in results) == 1
    refusals = [result for result in results if not isinstance(result, tuple)]
    assert {type(refusal) for refusal in refusals} == {AlreadyIssued if form_token else AlreadyRotated}
    assert APIKey.objects.filter(origin_rotation__old=old).count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_form_sent_many_times_at_once_creates_one_key(issue):
    results = at_once(8, lambda: issue(form_token="once"))

    assert sum(isinstance(result, tuple) for result in results) == 1
    assert sum(isinstance(result, AlreadyIssued) for result in results) == 7
    assert APIKey.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_key_is_revoked_once_however_many_try(issue, owner):
    key, _raw = issue()

    results = at_once(8, lambda: APIKey.objects.get(pk=key.pk).revoke(by=owner, now=timezone.now()))

    assert sorted(results) == [False] * 7 + [True]
    assert events(key) == ["created", "revoked"]


@pytest.mark.parametrize(
    ("expires_in", "state"),
    [
        (None, KeyState.ACTIVE),
        (15 * DAY, KeyState.ACTIVE),
        (14 * DAY, KeyState.EXPIRING),
        (timedelta(0), KeyState.EXPIRED),
    ],
)
def test_a_key_expires_soon_for_its_last_fourteen_days(issue, expires_in, state):
    now = timezone.now()
    key, _raw = issue(expires_at=now + expires_in if expires_in is not None else None)

    assert key.state(now) == state
    assert (key in APIKey.objects.live(now)) == key.is_live(now) == (state != KeyState.EXPIRED)
    key.revoke(by=None, now=now)
    assert key.state(now) == KeyState.REVOKED
    assert key not in APIKey.objects.live(now)


def test_deleting_an_owner_deletes_the_keys_and_deleting_an_operator_does_not(issue, owner, stranger):
    key, _raw = issue(by=stranger)
    key.revoke(by=stranger, now=timezone.now())

    stranger.delete()
    key.refresh_from_db()
    assert (key.created_by, key.revoked_by) == (None, None)

    owner.delete()
    assert not APIKey.objects.exists()


def test_no_statement_of_a_cascade_grows_with_the_keys(issue, owner, monkeypatch):
    monkeypatch.setattr("apikeys.core.batches.PER_STATEMENT", 3)
    key, _raw = issue()
    made = [issue(origin=Origin(key=key))[0] for _ in range(20)]
    made += [one.rotate(by=owner, now=timezone.now(), overlap=DAY)[0] for one in made[:5]]

    with longest_statement() as parameters:
        assert key.revoke_with_descendants(by=owner, now=timezone.now()) == 26

    assert parameters[0] < 20
    assert not APIKey.objects.filter(revoked_at=None)
