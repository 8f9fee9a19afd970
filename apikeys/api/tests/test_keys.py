"""The endpoints for keys: what they return, what they change, and what a stranger sees."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from apikeys.core.outcomes import COUNTED
from apikeys.models import APIKey, KeyEvent, KeyState, Permission, Rotation
from apikeys.usage import recorder
from testing.fixtures import error, outcome
from testing.keys import row_of, secret_of

FIELDS = {
    "id",
    "name",
    "permissions",
    "allowed_ips",
    "state",
    "created_at",
    "expires_at",
    "revoked_at",
    "last_used_at",
    "last_used_ip",
    "predecessor",
    "successor",
    "created_by",
    "created_by_key",
}
DAY = timedelta(days=1)
NOBODYS = "0" * 12


def at(text):
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    "body",
    [
        {"name": "Analytics Integration", "permissions": ["read"]},
        {"name": "Backend Service", "permissions": ["read", "write", "admin"]},
    ],
)
def test_the_documented_bodies_create_keys_that_work(call, admin, body):
    before = timezone.now()

    response = call(admin, "POST", "/v1/keys", body)

    assert response.status_code == 201
    key = response.json()
    assert set(key) == FIELDS | {"key"}
    assert {name: key[name] for name in body} == body
    assert (key["state"], key["allowed_ips"], key["created_by"]) == ("active", [], "key")
    assert key["created_by_key"] == row_of(admin).key_id
    assert before + 90 * DAY <= at(key["expires_at"]) <= timezone.now() + 90 * DAY
    assert response.headers["Location"] == f"/v1/keys/{key['id']}"
    assert response.headers["Cache-Control"] == "no-store"
    assert call(key["key"]).status_code == 200


def test_the_plaintext_is_not_shown_again(call, admin, made):
    key = made(admin)
    secret = secret_of(key["key"])

    for path in ("/v1/keys", f"/v1/keys/{key['id']}", f"/v1/keys/{key['id']}/usage"):
        assert secret not in call(admin, path=path).text
    assert "key" not in call(admin, path=f"/v1/keys/{key['id']}").json()


def test_a_key_can_be_given_addresses_and_an_expiry(admin, made):
    key = made(
        admin,
        allowed_ips=["203.0.113.7", "10.1.2.3/8", "::ffff:192.0.2.1", "2001:DB8::1/32", "10.0.0.0/8"],
        expires_at="2030-01-31T13:00:00.123456+01:00",
    )

    assert key["allowed_ips"] == ["203.0.113.7", "10.0.0.0/8", "192.0.2.1", "2001:db8::/32"]
    assert key["expires_at"] == "2030-01-31T12:00:00.123456Z"
    assert row_of(key["key"]).expires_at == datetime(2030, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)


def test_a_key_can_expire_after_some_days_or_never(admin, made):
    assert made(admin, expires_at=None)["expires_at"] is None
    for days in (1, 3660):
        key = made(admin, expires_in_days=days)
        assert at(key["expires_at"]) - at(key["created_at"]) == days * DAY


def test_omitted_fields_default_to_the_callers(restricted, made):
    caller, raw = restricted

    key = made(raw)

    assert key["allowed_ips"] == ["127.0.0.0/8"]
    assert at(key["expires_at"]) == caller.expires_at


def test_a_new_key_inherits_an_operators_limit(issue, made):
    caller, raw = issue()
    APIKey.objects.filter(pk=caller.pk).update(rate_limit="50/minute")

    assert row_of(made(raw)["key"]).rate_limit == "50/minute"


def test_events_name_the_key_that_asked_and_its_address(call, admin, made, owner):
    key = made(admin)
    call(admin, "PATCH", f"/v1/keys/{key['id']}", {"name": "Renamed"})
    call(admin, "POST", f"/v1/keys/{key['id']}/rotate", {})
    call(admin, "DELETE", f"/v1/keys/{key['id']}")

    events = KeyEvent.objects.filter(key__key_id=key["id"]).order_by("id")
    assert [event.action for event in events] == ["created", "changed", "rotated", "revoked"]
    for event in events:
        assert (event.actor, event.actor_kind, event.ip) == (owner, "key", "127.0.0.1")
        assert event.actor_key_id == row_of(admin).key_id
    assert events[1].changes == {"name": ["Made", "Renamed"]}


@pytest.mark.parametrize("permission", ["read", "write", "admin"])
def test_any_valid_key_sees_itself_and_its_address(call, issue, permission):
    key, raw = issue(Permission.of([permission]), allowed_networks="127.0.0.0/8")

    body = call(raw, path="/v1/key").json()

    assert set(body) == FIELDS | {"client_ip"}
    assert (body["id"], body["permissions"], body["client_ip"]) == (key.key_id, [permission], "127.0.0.1")
    assert (body["created_by"], body["created_by_key"]) == ("user", None)


def test_no_address_is_null(call, issue):
    _key, raw = issue()

    assert call(raw, path="/v1/key", REMOTE_ADDR="").json()["client_ip"] is None


@pytest.mark.parametrize("permission", ["read", "write", "admin"])
def test_any_valid_key_revokes_itself(call, issue, permission):
    key, raw = issue(Permission.of([permission]))

    response = call(raw, "DELETE", "/v1/key")

    assert (response.status_code, response.content) == (204, b"")
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert call(raw, path="/v1/key").json()["error"]["message"] == "API key has been revoked"


def test_last_use_is_shown(call, issue, admin):
    key, raw = issue(Permission.READ)
    call(raw)
    recorder.flush()

    shown = call(admin, path=f"/v1/keys/{key.key_id}").json()

    assert timezone.now() - at(shown["last_used_at"]) < timedelta(minutes=1)
    assert shown["last_used_ip"] == "127.0.0.1"


def test_the_list_has_every_key_of_the_owner_newest_first(call, issue, admin, stranger_key):
    keys = [row_of(admin), *(issue(name=f"Key {n}")[0] for n in range(3))]

    body = call(admin, path="/v1/keys").json()

    assert [key["id"] for key in body["results"]] == [key.key_id for key in reversed(keys)]
    assert all(set(key) == FIELDS for key in body["results"])


def test_pages_cover_every_key_once_and_keep_the_state_filter(call, issue, admin):
    now = timezone.now()
    same = [issue(name=f"Key {n}", now=now)[0].key_id for n in range(7)]
    revoked = issue(name="Revoked")[0]
    revoked.revoke(by=None, now=now)

    path, seen = "/v1/keys?page_size=3&state=active", []
    while path:
        body = call(admin, path=path).json()
        seen += [key["id"] for key in body["results"]]
        path = body["next"] and body["next"].removeprefix("https://testserver")

    assert len(seen) == len(set(seen))
    assert set(seen) == {*same, row_of(admin).key_id}


@pytest.mark.parametrize("state", list(KeyState))
def test_the_list_is_filtered_by_state(call, issue, admin, state):
    now = timezone.now()
    ends = {"expiring": now + 13 * DAY, "expired": now - DAY, "active": now + 15 * DAY, "revoked": None}
    keys = {name: issue(name=name, expires_at=end)[0] for name, end in ends.items()}
    keys["revoked"].revoke(by=None, now=now)

    results = call(admin, path=f"/v1/keys?state={state}").json()["results"]

    assert {key["name"] for key in results} - {"Admin"} == {state}
    assert {key["state"] for key in results} == {state}


def test_a_change_sets_only_the_fields_in_the_body(call, issue, admin):
    key, _raw = issue(name="Old", allowed_networks="10.0.0.0/8", permissions=Permission.READ)
    path = f"/v1/keys/{key.key_id}"
    before = call(admin, path=path).json()

    for change in (
        {"name": "New"},
        {"permissions": ["write"]},
        {"allowed_ips": ["192.0.2.0/24"]},
        {"allowed_ips": []},
        {"expires_at": "2030-01-31T12:00:00.123456Z"},
        {"expires_at": None},
        {},
    ):
        before |= change
        answer = call(admin, "PATCH", path, change)
        assert (answer.status_code, answer.json()) == (200, before)
        assert call(admin, path=path).json() == before


def test_the_body_of_a_get_can_be_sent_back(call, admin, restricted):
    key, raw = restricted
    for given in (call(admin, path=f"/v1/keys/{key.key_id}").json(), call(raw, path="/v1/key").json()):
        answer = call(admin, "PATCH", f"/v1/keys/{key.key_id}", given)

        assert answer.status_code == 200
        assert answer.json() == {name: given[name] for name in FIELDS}
    assert [event.action for event in key.events.all()] == ["created"]


@pytest.mark.parametrize("asked", [None, timedelta(minutes=5), 300 * DAY], ids=["never", "sooner", "later"])
def test_the_expiry_of_a_key_that_is_being_rotated_cannot_be_changed(call, issue, admin, asked):
    key, _raw = issue(expires_at=timezone.now() + 90 * DAY)
    path = f"/v1/keys/{key.key_id}"
    call(admin, "POST", f"{path}/rotate")
    before = call(admin, path=path).json()
    change = {"name": "Old", "expires_at": asked and (timezone.now() + asked).isoformat()}

    status, body = outcome(call(admin, "PATCH", path, change))

    assert (status, body["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert body["error"]["fields"]["expires_at"][0].startswith("The rotation sets when this key expires.")
    assert call(admin, path=path).json() == before
    renamed = call(admin, "PATCH", path, before | {"name": "Old"})  # with the same expiry
    assert outcome(renamed) == (200, before | {"name": "Old"})


def test_the_expiry_can_be_changed_again_once_the_rotation_is_cancelled(call, issue, admin, owner):
    key, _raw = issue()
    key.rotate(by=owner, now=timezone.now(), overlap=DAY)
    Rotation.objects.get(old=key).cancel(by=owner, now=timezone.now())

    answer = call(admin, "PATCH", f"/v1/keys/{key.key_id}", {"expires_at": "2030-01-31T12:00:00Z"})

    assert answer.status_code == 200


def test_read_only_fields_are_ignored(call, admin, stranger):
    forged = {
        "id": NOBODYS,
        "state": "revoked",
        "created_at": "2001-01-01T00:00:00Z",
        "created_by": "user",
        "created_by_key": NOBODYS,
        "revoked_at": "2001-01-01T00:00:00Z",
        "successor": NOBODYS,
    }

    made = call(admin, "POST", "/v1/keys", forged | {"name": "New", "permissions": ["read"]})
    changed = call(admin, "PATCH", f"/v1/keys/{made.json()['id']}", forged)

    for answer in (made, changed):
        assert {name: answer.json()[name] for name in forged} == {
            "id": made.json()["id"],
            "state": "active",
            "created_at": made.json()["created_at"],
            "created_by": "key",
            "created_by_key": row_of(admin).key_id,
            "revoked_at": None,
            "successor": None,
        }


def test_a_revoked_key_stays_revoked(call, issue, admin):
    key, raw = issue(Permission.READ)

    answers = [call(admin, "DELETE", f"/v1/keys/{key.key_id}") for _ in range(2)]

    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b"")] * 2
    assert call(raw).json()["error"]["message"] == "API key has been revoked"
    assert call(admin, path=f"/v1/keys/{key.key_id}").json()["state"] == "revoked"
    assert key.events.filter(action="revoked").count() == 1


def family(call, made, admin):
    """Return the plaintexts of a key, of a key it created, of that one's successor, and of one it created."""
    parent = made(admin, permissions=["admin"])
    child = made(parent["key"], permissions=["admin"])
    successor = call(admin, "POST", f"/v1/keys/{child['id']}/rotate", {"overlap_seconds": 0}).json()
    return [parent["key"], child["key"], successor["key"], made(successor["key"])["key"]]


def test_revoking_a_key_leaves_those_that_it_created(call, made, admin):
    parent, _child, *others = family(call, made, admin)

    assert call(admin, "DELETE", f"/v1/keys/{row_of(parent).key_id}?cascade=false").status_code == 204

    assert call(parent).status_code == 401
    assert [call(raw).status_code for raw in others] == [200, 200]


def test_a_cascade_follows_revoked_keys_and_successors(call, made, admin):
    keys = family(call, made, admin)
    other = made(admin)["key"]

    for _ in range(2):
        assert call(admin, "DELETE", f"/v1/keys/{row_of(keys[0]).key_id}?cascade=true").status_code == 204

    assert [call(raw).status_code for raw in keys] == [401] * 4
    assert call(other).status_code == call(admin).status_code == 200


def test_rotating_creates_a_successor_while_the_old_key_keeps_working(call, issue, admin):
    now = timezone.now()
    key, raw = issue(
        Permission.READ, now=now - 80 * DAY, expires_at=now + 10 * DAY, allowed_networks="127.0.0.1"
    )

    response = call(admin, "POST", f"/v1/keys/{key.key_id}/rotate", {"overlap_seconds": 3600})

    assert response.status_code == 201
    new = response.json()
    assert set(new) == FIELDS | {"key"}
    assert response.headers["Location"] == f"/v1/keys/{new['id']}"
    assert (new["name"], new["permissions"], new["allowed_ips"]) == (key.name, ["read"], ["127.0.0.1"])
    assert at(new["expires_at"]) - at(new["created_at"]) == 90 * DAY
    assert new["predecessor"] == key.key_id
    assert call(raw).status_code == call(new["key"]).status_code == 200
    old = call(admin, path=f"/v1/keys/{key.key_id}").json()
    assert (old["successor"], old["state"]) == (new["id"], "expiring")
    assert at(old["expires_at"]) - at(new["created_at"]) == timedelta(hours=1)


def test_without_overlap_the_old_key_stops_at_once(call, issue, admin):
    key, raw = issue(Permission.READ)

    new = call(admin, "POST", f"/v1/keys/{key.key_id}/rotate", {"overlap_seconds": 0}).json()

    assert (call(raw).status_code, call(new["key"]).status_code) == (401, 200)


@pytest.mark.parametrize("body", [{}, None])
def test_the_overlap_is_a_day_by_default(call, issue, admin, body):
    key, _raw = issue(Permission.READ)

    new = call(admin, "POST", f"/v1/keys/{key.key_id}/rotate", body).json()

    key.refresh_from_db()
    assert key.expires_at - at(new["created_at"]) == DAY


def test_a_key_rotates_itself(call, restricted):
    key, raw = restricted

    new = call(raw, "POST", f"/v1/keys/{key.key_id}/rotate", {"overlap_seconds": 0}).json()

    assert at(new["expires_at"]) == key.expires_at
    assert call(raw).status_code == 401
    assert call(new["key"], path="/v1/keys").status_code == 200


def test_a_key_can_be_rotated_only_once(call, issue, admin):
    key, _raw = issue(Permission.READ)
    path = f"/v1/keys/{key.key_id}/rotate"
    new = call(admin, "POST", path, {}).json()

    again = call(admin, "POST", path, {"overlap_seconds": 0})

    assert outcome(again) == error(409, "ALREADY_ROTATED", "The key has already been rotated")
    assert again.headers["Location"] == f"/v1/keys/{new['id']}"
    assert APIKey.objects.count() == 3


def test_a_rotated_key_leads_to_its_successor_even_after_it_has_ended(call, issue, admin):
    key, _raw = issue(Permission.READ)
    path = f"/v1/keys/{key.key_id}/rotate"
    new = call(admin, "POST", path, {}).json()
    call(admin, "DELETE", f"/v1/keys/{key.key_id}")

    again = call(admin, "POST", path, {})

    assert outcome(again) == error(409, "ALREADY_ROTATED", "The key has already been rotated")
    assert again.headers["Location"] == f"/v1/keys/{new['id']}"


@pytest.mark.parametrize("name", ["nonsense", "wzc_8f14e45fceeb", "%00", "x" * 3000])
def test_an_impossible_id_needs_a_key_and_is_then_not_found(call, admin, name):
    path = f"/v1/keys/{name}/rotate"

    assert call(None, "POST", path, {}).status_code == 401
    response = call(admin, "POST", path, {})
    assert (response.status_code, response.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert "RateLimit" in response.headers


@pytest.mark.parametrize("state", ["revoked", "expired"])
@pytest.mark.parametrize(
    ("method", "path", "body"), [("PATCH", "", {"name": "Back"}), ("POST", "/rotate", {}), ("PATCH", "", {})]
)
def test_an_ended_key_cannot_be_changed(call, issue, admin, state, method, path, body):
    key, _raw = issue(Permission.READ, expires_at=timezone.now() - DAY if state == "expired" else None)
    if state == "revoked":
        key.revoke(by=None, now=timezone.now())
    before = APIKey.objects.values().get(pk=key.pk)

    response = call(admin, method, f"/v1/keys/{key.key_id}{path}", body)

    assert outcome(response) == error(409, "KEY_ENDED", "The key is revoked or expired")
    assert APIKey.objects.values().get(pk=key.pk) == before


def test_usage_is_reported_by_day_and_outcome(call, issue, admin):
    key, raw = issue(Permission.READ, allowed_networks="127.0.0.1")
    call(raw)
    call(raw, "POST", body={"name": "Sales"})
    call(raw, REMOTE_ADDR="192.0.2.1")
    recorder.flush()

    days = call(admin, path=f"/v1/keys/{key.key_id}/usage?days=2").json()["days"]

    today = timezone.now().date()
    assert [day["date"] for day in days] == [str(today - DAY), str(today)]
    assert days[1]["total"] == 3
    assert days[1]["outcomes"] == dict.fromkeys(COUNTED, 0) | {"answered": 1, "address": 1, "permission": 1}


@pytest.mark.parametrize(("query", "count"), [("", 30), ("?days=1", 1), ("?days=90", 90)])
def test_usage_goes_back_as_many_days_as_asked(call, admin, query, count):
    path = f"/v1/keys/{row_of(admin).key_id}/usage{query}"

    assert len(call(admin, path=path).json()["days"]) == count


PATHS = [
    ("GET", "/v1/keys/{}"),
    ("PATCH", "/v1/keys/{}"),
    ("DELETE", "/v1/keys/{}"),
    ("DELETE", "/v1/keys/{}?cascade=true"),
    ("POST", "/v1/keys/{}/rotate"),
    ("GET", "/v1/keys/{}/usage"),
]


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize("body", [{}, {"name": ""}, {"overlap_seconds": -1}])
def test_a_strangers_key_looks_like_one_that_does_not_exist(call, issue, stranger_key, method, path, body):
    key, raw = issue()

    theirs = call(stranger_key, method, path.format(key.key_id), body)
    nobodys = call(stranger_key, method, path.format(NOBODYS), body)

    assert theirs.status_code == nobodys.status_code == 404
    del theirs.headers["RateLimit"], nobodys.headers["RateLimit"]  # each request is counted
    assert (theirs.content, dict(theirs.headers)) == (nobodys.content, dict(nobodys.headers))
    assert call(raw).status_code == 200


@pytest.mark.parametrize(("method", "path"), [*PATHS, ("GET", "/v1/keys"), ("POST", "/v1/keys")])
@pytest.mark.parametrize("permissions", [["read"], ["write"], ["read", "write"]])
def test_only_an_admin_key_manages_keys(call, issue, method, path, permissions):
    key, raw = issue(Permission.of(permissions))

    response = call(raw, method, path.format(key.key_id), {})

    assert outcome(response) == error(403, "FORBIDDEN", 'This API key lacks the "admin" permission')


@pytest.mark.parametrize(("method", "path"), [*PATHS, ("GET", "/v1/keys"), ("DELETE", "/v1/key")])
def test_every_endpoint_needs_a_key(call, issue, method, path):
    key, _raw = issue()

    assert outcome(call(None, method, path.format(key.key_id))) == error(
        401, "UNAUTHORIZED", "API key required"
    )
    assert not key.events.exclude(action="created").exists()


@pytest.mark.parametrize("path", ["/v1/key/", "/v1/keys/", "/v1/keys/{}/", "/v1/keys/{}/usage/"])
def test_a_trailing_slash_is_served(call, admin, path):
    assert call(admin, path=path.format(row_of(admin).key_id)).status_code == 200


@pytest.mark.parametrize("path", ["/v1/keys/short", "/v1/keys/%00", f"/v1/keys/wzc_{NOBODYS}", "/v1/keys/é"])
def test_an_invalid_id_is_not_found(call, admin, path):
    assert outcome(call(admin, path=path)) == error(404, "NOT_FOUND", "Not found")


@pytest.mark.parametrize(
    ("method", "path", "body", "count"),
    [
        ("GET", "/v1/key", None, 1),
        ("GET", "/v1/keys", None, 1),
        ("GET", "/v1/keys/{}", None, 1),
        ("GET", "/v1/keys/{}/usage", None, 2),
    ],
)
def test_statements_of_an_endpoint(
    call, issue, made, admin, django_assert_num_queries, method, path, body, count
):
    for n in range(30):
        issue(name=f"Key {n}")
    made(admin)
    path = path.format(row_of(admin).key_id)

    with django_assert_num_queries(1 + count):  # plus the lookup of the caller
        response = call(admin, method, path, body)

    assert response.status_code == 200
