"""A 400 says what is wrong, and nothing is created or changed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from apikeys.models import APIKey
from testing.keys import row_of, secret_of

GOOD = {"name": "New", "permissions": ["read"]}
NOT_TEXT = [1, True, None, [], {}]
NOT_A_LIST = ["read", 1, True, None, {}]
NOT_A_NUMBER = ["1", 1.0, 1.5, True, None, [], {}]

NAMES = [*NOT_TEXT, "", " ", "x" * 81, "a\nb", "a\x00b", "\u202eabc", "\ud800"]
PERMISSIONS = [*NOT_A_LIST, [], ["Read"], ["fly"], ["read", "fly"], [1], [None], [["read"]], "read,write"]
ADDRESSES = [
    *NOT_A_LIST,
    [""],
    ["hello"],
    ["10.0.0.0/33"],
    ["10.0.0.1", 1],
    [None],
    [["10.0.0.1"]],
    ["10.0.0.1\n10.0.0.2"],
    ["10.0.0.1, 10.0.0.2"],
    ["10.0.0.0/255.0.0.0"],
    ["fe80::1%eth0"],
    ["x" * 5000],
    [f"10.0.{n // 250}.{n % 250}" for n in range(1001)],
    ["10.0.0.1"] * 1001,
]
TIMES = [
    1,
    True,
    [],
    {},
    "",
    "tomorrow",
    "2030-01-31",
    "2030-01-31T12:00:00",
    "2030-01-31 12:00:00Z",
    "2030-01-31T12:00Z",
    "2030-02-30T12:00:00Z",
    "2030-01-31T25:00:00Z",
    "2030-01-31T12:00:00+25:00",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "2001-01-01T00:00:00Z",
    "2030-01-31T12:00:00Z ",
    "２030-01-31T12:00:00Z",
]


@pytest.fixture
def target(issue):
    return issue(name="Target")[0]


@pytest.fixture
def refused(call, admin, target):
    """Send an invalid body; assert that nothing changed, and return the error's ``fields``."""

    def refused(method, path, body, **headers):
        before = list(APIKey.objects.values())
        response = call(admin, method, path.format(target.key_id), body, **headers)
        assert response.status_code == 400, response.content
        assert response.json()["error"]["code"] == "VALIDATION_ERROR"
        assert list(APIKey.objects.values()) == before
        fields = response.json()["error"]["fields"]
        assert all(text and isinstance(text, str) for texts in fields.values() for text in texts)
        return fields

    return refused


CASES = [
    *(("name", value) for value in NAMES),
    *(("permissions", value) for value in PERMISSIONS),
    *(("allowed_ips", value) for value in ADDRESSES),
    *(("expires_at", value) for value in TIMES),
]


@pytest.mark.parametrize(("field", "value"), CASES)
@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/keys"), ("PATCH", "/v1/keys/{}")])
def test_a_bad_value_is_named(refused, method, path, field, value):
    assert list(refused(method, path, GOOD | {field: value})) == [field]


@pytest.mark.parametrize("value", [*NOT_A_NUMBER, 0, -1, 3661, 10**400])
def test_bad_days_are_named(refused, value):
    assert list(refused("POST", "/v1/keys", GOOD | {"expires_in_days": value})) == ["expires_in_days"]


@pytest.mark.parametrize("value", [*NOT_A_NUMBER, -1, 604_801, 10**400])
def test_a_bad_overlap_is_named(refused, value):
    assert list(refused("POST", "/v1/keys/{}/rotate", {"overlap_seconds": value})) == ["overlap_seconds"]


@pytest.mark.parametrize("field", ["name", "permissions"])
def test_a_missing_field_is_named(refused, field):
    body = {name: value for name, value in GOOD.items() if name != field}

    assert refused("POST", "/v1/keys", body) == {field: ["This field is required."]}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/keys", GOOD),
        ("PATCH", "/v1/keys/{}", {}),
        ("POST", "/v1/keys/{}/rotate", {}),
    ],
)
@pytest.mark.parametrize("field", ["Name", "owner", "rate_limit", "key_hash", "form_token", "overlap", "key"])
def test_an_unknown_field_is_named(refused, method, path, body, field):
    assert refused(method, path, body | {field: "x"}) == {field: ["Unknown field."]}


def test_a_change_refuses_expires_in_days(refused):
    assert list(refused("PATCH", "/v1/keys/{}", {"expires_in_days": 5})) == ["expires_in_days"]


def test_a_field_that_occurs_twice_is_named(refused):
    body = b'{"name": "A", "permissions": ["read"], "name": "B"}'

    assert list(refused("POST", "/v1/keys", body)) == ["name"]


def test_two_expiries_are_refused(refused):
    for end in (None, "2030-01-31T12:00:00Z"):
        fields = refused("POST", "/v1/keys", GOOD | {"expires_at": end, "expires_in_days": 5})
        assert set(fields) == {"expires_at", "expires_in_days"}


def test_an_expiry_is_within_the_longest_lifetime(call, refused, admin):
    longest = timezone.now() + timedelta(days=3660)

    fields = refused("POST", "/v1/keys", GOOD | {"expires_at": f"{longest + timedelta(minutes=1):%FT%TZ}"})

    assert fields == {"expires_at": ["Must be within 3,660 days."]}
    inside = f"{longest - timedelta(minutes=1):%FT%TZ}"
    assert call(admin, "POST", "/v1/keys", GOOD | {"expires_at": inside}).status_code == 201


def test_an_expiry_beyond_the_longest_lifetime_can_be_sent_back(call, issue, admin):
    key, _raw = issue(expires_at=timezone.now() + timedelta(days=5000))
    path = f"/v1/keys/{key.key_id}"

    assert call(admin, "PATCH", path, call(admin, path=path).json()).status_code == 200


def test_the_error_for_a_time_without_a_zone_says_what_is_missing(refused):
    fields = refused("POST", "/v1/keys", GOOD | {"expires_at": "2030-01-31T12:00:00"})

    assert fields == {"expires_at": ["Add a time zone: Z, or an offset such as +01:00."]}


def test_a_body_full_of_bad_addresses_gets_a_short_response(call, admin):
    body = GOOD | {"allowed_ips": ["x" * 230] * 1000}

    response = call(admin, "POST", "/v1/keys", body)

    assert response.status_code == 400
    assert len(response.json()["error"]["fields"]["allowed_ips"]) == 20
    assert len(response.content) < 8192


def test_a_body_of_256_kib_of_addresses_is_a_400_and_a_larger_one_a_413(call, admin):
    body = b'{"name": "New", "permissions": ["read"], "allowed_ips": [%s]}'
    size = 256 * 1024 - len(body % b"")
    addresses = (b'"10.0.0.1",' * (size // 11))[:-1].ljust(size)

    assert call(admin, "POST", "/v1/keys", body % addresses).status_code == 400
    assert call(admin, "POST", "/v1/keys", body % (addresses + b" ")).status_code == 413


@pytest.mark.parametrize(
    ("method", "path", "parameter"),
    [
        ("GET", "/v1/keys?state=", "state"),
        ("GET", "/v1/keys?state=ACTIVE", "state"),
        ("GET", "/v1/keys?state=%00", "state"),
        ("GET", "/v1/keys?cursor=x", "cursor"),
        ("GET", "/v1/keys?page_size=0", "page_size"),
        ("GET", "/v1/keys/{}/usage?days=0", "days"),
        ("GET", "/v1/keys/{}/usage?days=91", "days"),
        ("GET", "/v1/keys/{}/usage?days=", "days"),
        ("GET", "/v1/keys/{}/usage?days=²", "days"),
        ("GET", "/v1/keys/{}/usage?days=" + "9" * 5000, "days"),
        ("DELETE", "/v1/keys/{}?cascade=", "cascade"),
        ("DELETE", "/v1/keys/{}?cascade=True", "cascade"),
        ("DELETE", "/v1/keys/{}?cascade=1", "cascade"),
    ],
)
def test_a_bad_parameter_is_named(refused, method, path, parameter):
    assert list(refused(method, path, None)) == [parameter]


def test_a_cursor_of_another_list_is_refused(call, admin, owner, issue):
    for name in "ab":
        owner.chatbots.create(name=name)
        issue(name=name)
    for giver, taker in [("chatbots", "keys"), ("keys", "chatbots")]:
        next_page = call(admin, path=f"/v1/{giver}?page_size=1").json()["next"]

        response = call(admin, path=f"/v1/{taker}?{next_page.partition('?')[2]}")

        assert list(response.json()["error"]["fields"]) == ["cursor"]


@pytest.mark.parametrize("value", ["", "x" * 256, "é", "a\tb", "\x7f"])
@pytest.mark.parametrize(("path", "body"), [("/v1/keys", GOOD), ("/v1/keys/{}/rotate", {})])
def test_a_bad_idempotency_key_is_named(refused, path, body, value):
    assert list(refused("POST", path, body, HTTP_IDEMPOTENCY_KEY=value)) == ["Idempotency-Key"]


def test_a_key_in_the_wrong_place_is_not_echoed(call, admin, target):
    path = f"/v1/keys/{target.key_id}"
    for field in ("name", "permissions", "allowed_ips", "expires_at"):
        for value in (admin, [admin], {admin: admin}):
            response = call(admin, "PATCH", path, {field: value})
            assert response.status_code == 400
            assert secret_of(admin) not in response.text
    assert row_of(admin).name == "Admin"
