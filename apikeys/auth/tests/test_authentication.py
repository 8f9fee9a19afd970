from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from apikeys.auth import credentials
from apikeys.auth.authentication import genuine, owner_of
from apikeys.core import keyformat
from apikeys.models import APIKey, Permission
from testing.fixtures import CountingHasher, error, outcome
from testing.keys import forged

REQUIRED = error(401, "UNAUTHORIZED", "API key required")
INVALID = error(401, "UNAUTHORIZED", "Invalid API key")
REVOKED = error(401, "UNAUTHORIZED", "API key has been revoked")
EXPIRED = error(401, "UNAUTHORIZED", "API key has expired")
WRONG_ADDRESS = error(403, "FORBIDDEN", "IP address not allowed")

pytestmark = pytest.mark.django_db


def with_valid_checksum(broken):
    """Return ``broken`` with a matching checksum, so that only the database can reject it."""
    body = broken[: -keyformat.CHECKSUM_LENGTH]
    return body + keyformat.checksum(body)


def test_a_genuine_key_is_accepted(issue, call):
    _key, raw = issue()

    assert call(raw).status_code == 200


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_the_scheme_is_case_insensitive(issue, call, scheme):
    _key, raw = issue()

    assert call(HTTP_AUTHORIZATION=f"{scheme} {raw}").status_code == 200


@pytest.mark.parametrize(
    "header", [None, "", " ", "Bearer", "Bearer ", "bearer   ", "Basic abc", "Token {}", "{}"]
)
def test_a_header_without_a_key_is_a_missing_key(issue, call, header):
    _key, raw = issue()
    headers = {} if header is None else {"HTTP_AUTHORIZATION": header.format(raw)}

    response = call(**headers)

    assert outcome(response) == REQUIRED
    assert response["WWW-Authenticate"] == 'Bearer realm="WizChat"'


@pytest.mark.parametrize(
    "mangle",
    [
        str.lower,
        str.upper,
        str.swapcase,
        lambda raw: raw[:-1],
        lambda raw: raw[1:],
        lambda raw: raw + "A",
        lambda raw: raw + " " + raw,
        lambda raw: raw + "," + raw,
        lambda raw: f"{raw},Bearer {raw}",
        lambda raw: f'"{raw}"',
        lambda raw: raw.replace("wzc_", "wzd_"),
        lambda raw: raw.replace("wzc_", "sk_live_"),
        lambda raw: raw.replace("_", "-"),
        lambda raw: raw.replace("_", "%5F"),
        lambda raw: with_valid_checksum(raw[:20] + ("A" if raw[20] != "A" else "B") + raw[21:]),
        lambda raw: raw[:20] + ("A" if raw[20] != "A" else "B") + raw[21:],
        lambda raw: raw[:30] + "\xff" + raw[31:],
        lambda raw: raw[:30] + "\0" + raw[31:],
        lambda raw: raw + "\0",
        lambda raw: raw + "\xa0",
        lambda raw: "\x85" + raw,
        lambda raw: raw.replace(raw[4], "０", 1),
        lambda raw: "A" * 65536,
        lambda raw: raw * 900,
        lambda raw: "null",
        lambda raw: "' OR 1=1 --",
    ],
)
def test_a_mangled_key_is_invalid(issue, call, mangle):
    _key, raw = issue()

    response = call(mangle(raw))

    assert outcome(response) == INVALID
    assert response["WWW-Authenticate"] == 'Bearer realm="WizChat", error="invalid_token"'


def test_spaces_around_the_key_do_no_harm(issue, call):
    _key, raw = issue()

    assert call(HTTP_AUTHORIZATION=f"  Bearer   {raw}  ").status_code == 200


def test_guesses_get_the_same_response_and_never_reach_argon2(issue, call, hasher):
    live, _raw = issue()
    revoked, _raw = issue()
    revoked.revoke(by=None, now=timezone.now())
    hasher.forget()

    guesses = [forged(), forged(live.key_id), forged(revoked.key_id), "wzc_nonsense"]
    answers = [call(guess) for guess in guesses]

    assert [outcome(answer) for answer in answers] == [INVALID] * 4
    assert len({(answer.content, tuple(sorted(answer.items()))) for answer in answers}) == 1
    assert hasher.verifications == 0


def test_a_forged_secret_with_the_stored_checksum_reaches_argon2_and_fails(issue, call, hasher):
    key, _raw = issue()
    guess = forged(key.key_id)
    APIKey.objects.filter(pk=key.pk).update(checksum=keyformat.parse(guess).checksum)

    assert outcome(call(guess)) == INVALID
    assert hasher.verifications == 1


def test_queries_and_argon2_of_a_request(issue, call, hasher, django_assert_num_queries):
    """One SELECT for a key, warm or cold, and none for one whose checksum is wrong."""
    key, raw = issue()
    call(raw)
    hasher.forget()
    listing = 1

    for argon2 in (1, 1, 1):
        with django_assert_num_queries(1 + listing):
            assert call(raw).status_code == 200
        assert hasher.verifications == argon2
    with django_assert_num_queries(1):
        call(forged(key.key_id))
    with django_assert_num_queries(1):
        call(forged())
    with django_assert_num_queries(0):
        call(raw[:-1] + ("A" if raw[-1] != "A" else "B"))
    assert hasher.verifications == 1


@pytest.mark.parametrize("values", [{"is_active": False}, None])
def test_a_key_whose_owner_is_deactivated_or_deleted_is_invalid(issue, call, owner, values):
    key, raw = issue()
    assert call(raw).status_code == 200

    if values:
        User.objects.filter(pk=owner.pk).update(**values)
        key.revoke(by=None, now=timezone.now())
    else:
        owner.delete()

    assert outcome(call(raw)) == INVALID


def test_the_holder_of_a_revoked_key_is_told_so(issue, call):
    key, raw = issue(expires_at=timezone.now() + timedelta(hours=1), allowed_networks="192.0.2.1")
    key.revoke(by=None, now=timezone.now())
    APIKey.objects.update(expires_at=timezone.now() - timedelta(hours=1))

    response = call(raw)

    assert outcome(response) == REVOKED
    assert response["WWW-Authenticate"] == 'Bearer realm="WizChat", error="invalid_token"'


def test_expiry_is_checked_before_the_address(issue, call):
    _key, raw = issue(expires_at=timezone.now() - timedelta(seconds=1), allowed_networks="192.0.2.1")

    assert outcome(call(raw)) == EXPIRED


def test_a_key_that_expires_later_is_accepted(issue, call):
    _key, raw = issue(expires_at=timezone.now() + timedelta(hours=1))

    assert call(raw).status_code == 200


def test_the_address_is_checked_after_the_secret_and_before_the_permission(issue, call):
    key, raw = issue(permissions=Permission.WRITE, allowed_networks="192.0.2.1")

    assert outcome(call(raw)) == WRONG_ADDRESS
    assert outcome(call(forged(key.key_id))) == INVALID


@pytest.mark.parametrize(
    "values",
    [
        {"revoked_at": timezone.now()},
        {"expires_at": timezone.now()},
        {"allowed_networks": "192.0.2.1"},
        {"permissions": Permission.WRITE},
    ],
    ids=lambda values: next(iter(values)),
)
def test_a_bulk_update_takes_effect_on_the_next_request(issue, call, values):
    _key, raw = issue()
    assert call(raw).status_code == 200

    APIKey.objects.update(**values)

    assert call(raw).status_code in {401, 403}


def test_the_key_is_read_only_from_the_header(issue, call, owner):
    _key, raw = issue()
    browser = Client(headers={"cookie": f"Authorization=Bearer {raw}; api_key={raw}"})
    browser.force_login(owner)

    for path in (f"/v1/chatbots?api_key={raw}&token={raw}&access_token={raw}", "/v1/chatbots"):
        assert outcome(browser.get(path, secure=True)) == REQUIRED
    assert outcome(call(method="POST", body={"api_key": raw, "access_token": raw})) == REQUIRED
    assert outcome(call(HTTP_X_API_KEY=raw, HTTP_PROXY_AUTHORIZATION=f"Bearer {raw}")) == REQUIRED


@pytest.mark.parametrize("key_hash", ["", "$argon2id$v=19$m=8,t=1,p=1$", "pbkdf2_sha256$1$salt$hash", "é"])
def test_a_malformed_stored_hash_makes_the_key_invalid(issue, call, key_hash):
    key, raw = issue()
    APIKey.objects.filter(pk=key.pk).update(key_hash=key_hash)

    assert outcome(call(raw)) == INVALID


def test_a_raised_cost_rehashes_a_key_on_its_next_use(issue, call, monkeypatch):
    key, raw = issue()
    before = key.key_hash
    monkeypatch.setattr("apikeys.hasher.HASHER", CountingHasher(time_cost=2))

    assert call(raw).status_code == 200
    key.refresh_from_db()
    assert key.key_hash != before
    assert "t=2" in key.key_hash
    assert call(raw).status_code == 200


def test_rehashing_never_overwrites_another_process(issue, monkeypatch):
    """The update is guarded by the hash that was read, and touches no other column."""
    key, raw = issue()
    credential = credentials.lookup(key.key_id)
    APIKey.objects.filter(pk=key.pk).update(key_hash="written by another process", name="Renamed")
    monkeypatch.setattr("apikeys.hasher.HASHER", CountingHasher(time_cost=2))

    assert credential.is_proved_by(raw)
    key.refresh_from_db()
    assert (key.key_hash, key.name) == ("written by another process", "Renamed")


def test_the_owner_costs_no_query_until_a_view_reads_more_than_the_id(
    issue, owner, django_assert_num_queries
):

    _key, raw = issue()
    with django_assert_num_queries(1):
        user = owner_of(genuine(raw))
        assert user == owner
        assert user.pk == owner.pk
    with django_assert_num_queries(1):
        assert user.username == owner.username


def test_the_compiled_lookup_returns_what_the_orm_does(issue, owner):
    soon = timezone.now() + timedelta(days=3)
    keys = [
        issue()[0],
        issue(permissions=Permission.READ, expires_at=soon, allowed_networks="10.0.0.0/8\n::1")[0],
        issue()[0],
    ]
    keys[2].revoke(by=owner, now=timezone.now())
    User.objects.filter(pk=owner.pk).update(is_active=False)

    columns = (*credentials.Credential._fields[:-1], "owner__is_active")
    for key in keys:
        credential = credentials.lookup(key.key_id)
        row = APIKey.objects.values_list(*columns).get(key_id=key.key_id)
        for field, found, expected in zip(credentials.Credential._fields, credential, row, strict=True):
            assert found == expected, field
    assert credentials.lookup("000000000000") is None
