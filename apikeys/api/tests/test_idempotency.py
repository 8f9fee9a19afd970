"""A request that is sent twice creates one key."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connections
from django.utils import timezone

from apikeys.api import idempotency
from apikeys.models import APIKey
from testing.fixtures import error, outcome
from testing.keys import row_of, secret_of

BODY = {"name": "New", "permissions": ["read"]}
ALREADY = error(409, "ALREADY_CREATED", "This Idempotency-Key has already created a key")
THREADS = 10


@pytest.fixture
def create(call):
    def create(raw, value="once", body=BODY, path="/v1/keys"):
        return call(raw, "POST", path, body, HTTP_IDEMPOTENCY_KEY=value)

    return create


def test_a_repeated_request_gets_the_location_of_the_first_ones_key(create, admin):
    first = create(admin)

    again = create(admin, body={"name": "Another", "permissions": ["write"]})

    assert first.status_code == 201
    assert outcome(again) == ALREADY
    assert again.headers["Location"] == f"/v1/keys/{first.json()['id']}"
    assert "key" not in again.json()
    assert APIKey.objects.count() == 2


def test_a_repeated_rotation_gets_the_location_of_the_successor(create, issue, admin):
    path = f"/v1/keys/{issue()[0].key_id}/rotate"
    first = create(admin, body={"overlap_seconds": 0}, path=path)

    again = create(admin, body={"overlap_seconds": 0}, path=path)

    assert first.status_code == 201
    assert outcome(again) == ALREADY
    assert again.headers["Location"] == f"/v1/keys/{first.json()['id']}"


def test_a_value_creates_one_key_whatever_the_request(create, issue, admin):
    first = create(admin)

    again = create(admin, body={}, path=f"/v1/keys/{issue()[0].key_id}/rotate")

    assert outcome(again) == ALREADY
    assert again.headers["Location"] == f"/v1/keys/{first.json()['id']}"


def test_a_second_request_is_recognised_whatever_its_body(create, admin):
    create(admin)

    assert outcome(create(admin, body={"name": ""})) == ALREADY


@pytest.mark.parametrize("value", ["x", "x" * 255, "a b", "~!\"'{}", "' OR 1=1 --"])
def test_any_printable_value_is_accepted(create, admin, value):
    assert create(admin, value).status_code == 201
    assert outcome(create(admin, value)) == ALREADY


def test_another_value_creates_another_key(create, admin):
    assert [create(admin, value).status_code for value in ("a", "A", "b", "a")] == [201, 201, 201, 409]


def test_callers_can_use_the_same_value(create, admin, issue, stranger_key):
    statuses = [create(raw).status_code for raw in (admin, issue()[1], stranger_key)]

    assert statuses == [201, 201, 201]


@pytest.mark.parametrize(
    ("body", "status"),
    [({"name": "New"}, 400), ({"name": "New", "permissions": ["read"], "expires_at": None}, 403)],
)
def test_a_failed_request_can_be_corrected(create, restricted, body, status):
    _caller, raw = restricted

    assert create(raw, body=body).status_code == status
    assert create(raw).status_code == 201


def test_without_the_header_every_request_creates_a_key(call, admin):
    assert [call(admin, "POST", "/v1/keys", BODY).status_code for _ in range(2)] == [201, 201]


@pytest.mark.parametrize(
    ("age", "status"), [(timedelta(hours=23, minutes=59), 409), (timedelta(days=1), 201)]
)
def test_a_value_is_remembered_for_a_day(create, admin, age, status):
    made = create(admin).json()
    APIKey.objects.filter(key_id=made["id"]).update(created_at=timezone.now() - age)

    assert create(admin).status_code == status


def test_old_values_are_forgotten_and_forms_are_not(create, admin, issue):
    now = timezone.now()
    old = row_of(create(admin, "old").json()["key"])
    APIKey.objects.filter(pk=old.pk).update(created_at=now - timedelta(hours=25))
    new = row_of(create(admin, "new").json()["key"])
    form, _raw = issue(form_token="form", now=now - timedelta(days=2))

    assert idempotency.forget(now - idempotency.REMEMBERED) == 1

    tokens = dict(APIKey.objects.values_list("pk", "form_token"))
    assert (tokens[old.pk], tokens[form.pk]) == (None, "form")
    assert tokens[new.pk] is not None


def test_a_value_is_not_stored(create, admin):
    create(admin, admin)

    assert not any(secret_of(admin) in str(row) for row in APIKey.objects.values_list())


def at_once(*requests):
    """Send ``requests``, functions that return a response, at the same moment, each in its own thread."""
    start = Barrier(len(requests))

    def send(request):
        try:
            start.wait(timeout=30)
            return request()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(requests)) as threads:
        return list(threads.map(send, requests))


@pytest.mark.django_db(transaction=True)
def test_ten_requests_at_once_create_one_key(create, admin):
    answers = at_once(*[lambda: create(admin)] * THREADS)

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * (THREADS - 1)
    [made] = [answer.json() for answer in answers if answer.status_code == 201]
    for answer in answers:
        assert answer.headers["Location"] == f"/v1/keys/{made['id']}"
    assert APIKey.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_ten_rotations_of_different_keys_at_once_create_one_key(create, admin, issue):
    paths = [f"/v1/keys/{issue(name=str(n))[0].key_id}/rotate" for n in range(THREADS)]

    answers = at_once(*[lambda path=path: create(admin, path=path, body={}) for path in paths])

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * (THREADS - 1)
    assert APIKey.objects.count() == 2 + THREADS
