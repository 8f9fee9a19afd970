from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission as StaffPermission
from django.test import Client
from django.utils import timezone

from apikeys.models import APIKey, Permission

KEYS = "/admin/apikeys/apikey/"


@pytest.fixture
def operator(django_user_model):
    return django_user_model.objects.create_superuser("root", "root@example.com")


@pytest.fixture
def desk(operator):
    """The operator's browser."""
    client = Client()
    client.force_login(operator)
    return client


@pytest.fixture
def key(issue):
    return issue(Permission.READ)[0]


@pytest.fixture
def path(key):
    return f"{KEYS}{key.pk}/change/"


def test_the_admin_is_behind_the_same_sign_in(db):
    response = Client().get("/admin/", follow=True)

    assert response.redirect_chain[-1][0].startswith("/accounts/login/?next=")
    assert b"Username or email" in response.content


def test_an_owner_is_no_operator(web, path):
    for address in ("/admin/", KEYS, path):
        assert web.get(address).status_code in {302, 403}
    assert web.post(path, {"name": "x"}).status_code in {302, 403}


def test_keys_are_listed_with_owner_masked_id_permissions_and_state(desk, key):
    html = desk.get(KEYS).content.decode()

    for text in ("Production API", "olga", f"wzc_{key.key_id}_…", "read", "active"):
        assert text in html


@pytest.mark.parametrize("text", ["key_id", "Production", "olga"])
def test_keys_are_found_by_id_name_and_owner(desk, issue, stranger, key, text):
    issue(owner=stranger, name="Other")

    html = desk.get(KEYS, {"q": key.key_id if text == "key_id" else text}).content.decode()

    assert "Production API" in html
    assert "Other" not in html


@pytest.mark.parametrize("state", ["active", "expiring", "expired", "revoked"])
def test_keys_are_narrowed_to_a_state(desk, issue, owner, state):
    now = timezone.now()
    issue(name="active-one")
    issue(name="expiring-one", expires_at=now + timedelta(days=1))
    issue(name="expired-one", expires_at=now - timedelta(days=1))
    issue(name="revoked-one")[0].revoke(by=owner, now=now)

    html = desk.get(KEYS, {"state": state}).content.decode()

    assert [name for name in ("active", "expiring", "expired", "revoked") if f"{name}-one" in html] == [state]


@pytest.mark.parametrize(
    "query",
    [
        "key_hash__startswith=$argon2id",
        "checksum__contains=a",
        "key_id__startswith=a",
        "owner__password__startswith=a",
        "form_token__isnull=0",
        "id__gt=0",
    ],
)
def test_nothing_that_is_stored_can_be_guessed_at_by_a_filter(desk, key, query):
    assert desk.get(f"{KEYS}?{query}").status_code == 400


def test_no_filter_on_users_reaches_into_their_keys(desk, key):
    assert desk.get("/admin/auth/user/?api_keys__key_hash__startswith=$argon2id").status_code == 400


def test_checksum_and_encoding_are_nowhere(desk, key, path):
    html = desk.get(path).content.decode() + desk.get(KEYS).content.decode()

    assert key.key_hash not in html
    assert key.checksum not in html
    assert "$argon2" not in html


def test_a_whole_key_finds_itself_and_is_not_shown_again(desk, issue):
    _key, raw = issue(name="Found in a log")
    issue(name="Another")

    html = desk.get(KEYS, {"q": raw, "state": "active"}).content.decode()

    assert "Found in a log" in html
    assert "Another" not in html
    assert raw[17:] not in html


def test_an_operator_narrows_a_key_and_the_key_remembers_who(desk, operator, call, issue):
    key, raw = issue()

    response = desk.post(
        f"{KEYS}{key.pk}/change/",
        {"name": "Narrow", "permissions": ["write"], "allowed_networks": "10.0.0.5/24"},
    )

    assert response.status_code == 302, response.content.decode()
    key.refresh_from_db()
    assert (key.name, key.granted, key.allowed_networks) == ("Narrow", Permission.WRITE, "10.0.0.0/24")
    event = key.events.first()
    assert (event.actor, event.action) == (operator, "changed")
    assert call(raw).status_code == 403
    assert "Changed by root" in desk.get(f"{KEYS}{key.pk}/change/").text


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"allowed_networks": "10.0.0.0/33"}, 'Line 1: "10.0.0.0/33" is not an IP address or range.'),
        ({"permissions": []}, "Choose at least one permission."),
        ({"name": "\u200b"}, "Give the key a name that can be seen."),
    ],
)
def test_an_operator_is_held_to_the_same_rules(desk, key, path, values, said):
    filled = {"name": "x", "permissions": ["read"], "allowed_networks": ""} | values

    assert said in desk.post(path, filled).content.decode().replace("&quot;", '"')
    key.refresh_from_db()
    assert key.name == "Production API"


def test_what_is_not_on_the_form_cannot_be_changed(desk, key, path, stranger):
    filled = {"name": "x", "permissions": ["read"], "allowed_networks": ""}

    desk.post(path, filled | {"owner": stranger.pk, "key_id": "x" * 12, "key_hash": "", "expires_at": ""})

    before = (key.owner_id, key.key_id, key.key_hash)
    key.refresh_from_db()
    assert (key.name, (key.owner_id, key.key_id, key.key_hash)) == ("x", before)


def test_the_action_revokes_the_selected_keys(desk, operator, issue, call, key):
    other, raw = issue(name="Other")

    response = desk.post(KEYS, {"action": "revoke_selected", "_selected_action": [other.pk]}, follow=True)

    assert b"1 key was revoked." in response.content
    assert call(raw).json()["error"]["message"] == "API key has been revoked"
    other.refresh_from_db()
    key.refresh_from_db()
    assert (other.revoked_by, key.revoked_at) == (operator, None)


def test_a_revoked_key_does_not_come_back(desk, key, path, owner):
    key.revoke(by=owner, now=timezone.now())
    filled = {
        "name": "x",
        "permissions": ["admin"],
        "allowed_networks": "",
        "revoked_at": "",
    }

    assert b'name="_save"' not in desk.get(path).content
    assert desk.post(path, filled).status_code == 403
    key.refresh_from_db()
    assert (key.name, key.granted) == ("Production API", Permission.READ)
    assert key.revoked_at is not None


def test_no_key_is_made_or_deleted_here(desk, key):
    assert desk.get(f"{KEYS}add/").status_code == 403
    assert desk.post(f"{KEYS}{key.pk}/delete/", {"post": "yes"}).status_code == 403
    desk.post(KEYS, {"action": "delete_selected", "_selected_action": [key.pk], "post": "yes"})
    assert APIKey.objects.filter(pk=key.pk).exists()


def test_keys_go_with_their_owner(desk, key, owner):
    response = desk.post(f"/admin/auth/user/{owner.pk}/delete/", {"post": "yes"})

    assert response.status_code == 302
    assert not APIKey.objects.exists()


def test_an_operator_who_may_only_look_changes_nothing(operator, desk, key, path):
    operator.is_superuser = False
    operator.save()
    operator.user_permissions.add(StaffPermission.objects.get(codename="view_apikey"))

    assert desk.get(path).status_code == 200
    assert desk.post(path, {"name": "x", "permissions": ["admin"], "allowed_networks": ""}).status_code == 403
    desk.post(KEYS, {"action": "revoke_selected", "_selected_action": [key.pk]})
    key.refresh_from_db()
    assert (key.name, key.revoked_at) == ("Production API", None)


def test_the_number_of_queries_does_not_grow_with_the_keys(desk, issue, django_assert_max_num_queries):
    for number in range(30):
        issue(name=f"Key {number}")

    with django_assert_max_num_queries(8):
        desk.get(KEYS)
