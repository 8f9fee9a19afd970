"""Reauthentication before something sensitive, when signing in was a while ago."""

from __future__ import annotations

import pytest
from django.contrib.sessions.models import Session
from django.core import mail
from django.utils import timezone

from apikeys.models import APIKey, Permission
from testing.accounts import sign_in_long_ago
from wizchat.accounts.tests.conftest import PASSWORD

NEW = "/settings/api/new/"
AGAIN = "/accounts/reauthenticate/"
TYPED = {
    "name": "Analytics",
    "permissions": ["read", "write"],
    "expires": "30",
    "allowed_networks": "203.0.113.7\n10.0.0.0/8",
}


@pytest.fixture
def away(olga):
    """The browser of ``olga``, which was left open."""
    return sign_in_long_ago(olga)


@pytest.fixture
def form(read):
    """Return a function that reads a page's fields, except those that change with each request."""

    def form(client, path=NEW):
        fields = read(client.get(path)).fields
        return {name: fields[name] for name in fields if name not in {"csrfmiddlewaretoken", "form_token"}}

    return form


def confirm(client, next_page, password=PASSWORD):
    return client.post(AGAIN, {"password": password, "next": next_page})


def test_a_key_is_created_only_after_the_password_and_the_form_is_kept(away, form):
    answer = away.post(NEW, TYPED)
    assert (answer.status_code, answer.url) == (302, f"{AGAIN}?next=%2Fsettings%2Fapi%2Fnew%2F")
    assert not APIKey.objects.exists()

    answer = confirm(away, NEW)

    assert (answer.status_code, answer.url) == (302, NEW)
    assert not APIKey.objects.exists()
    assert form(away).items() >= TYPED.items()


def test_adding_ones_address_to_the_form_needs_no_password_and_creates_nothing(away, read):
    page = away.post(NEW, TYPED | {"add_address": "1"})

    assert "Added. Press Create to apply." in page.text
    assert read(page).fields["allowed_networks"].splitlines()[-1] == "127.0.0.1"
    assert read(page).fields["name"] == "Analytics"
    assert not APIKey.objects.exists()


def test_a_key_is_not_rotated_without_the_password_by_naming_another_button(away, olga):
    key, _raw = APIKey.objects.issue(
        owner=olga, by=olga, name="x", permissions=Permission.READ, now=timezone.now()
    )

    answer = away.post(f"/settings/api/{key.key_id}/rotate/", {"overlap": "0", "add_address": "1"})

    assert answer.url.startswith(AGAIN)
    assert APIKey.objects.count() == 1


def test_the_page_says_who_is_signed_in_and_what_to_do(away):
    page = " ".join(away.get(AGAIN).text.split())

    assert "You're signed in as <bdi>olga</bdi>. To continue, enter your password." in page


def test_the_restored_form_creates_the_key(away, read):
    away.post(NEW, TYPED)
    confirm(away, NEW)
    page = away.get(NEW)
    assert "Thanks for confirming." in page.text

    answer = away.post(NEW, read(page).fields)

    assert "Save your new key" in answer.text
    assert APIKey.objects.get().name == "Analytics"


def test_the_form_is_restored_once_and_only_on_its_own_page(away, form):
    empty = form(away)
    away.post(NEW, TYPED)
    confirm(away, NEW)
    assert "Thanks for confirming." not in away.get("/accounts/email/").text

    assert form(away)["name"] == "Analytics"
    assert form(away) == empty


def test_a_wrong_password_opens_nothing(away, form):
    away.post(NEW, TYPED)

    assert "Incorrect password." in confirm(away, NEW, "wrong").text
    assert form(away)["name"] == ""
    assert away.post(NEW, TYPED).status_code == 302
    assert not APIKey.objects.exists()


def test_the_stored_form_has_no_secret(away, olga):
    _key, raw = APIKey.objects.issue(owner=olga, by=olga, name="x", permissions=1, now=olga.date_joined)

    away.post(
        f"{NEW}?note={raw}",
        TYPED | {"name": raw, "password": PASSWORD, "form_token": "token-of-the-form"},
        headers={"Authorization": f"Bearer {raw}", "Referer": f"https://testserver/?q={raw}"},
    )

    kept = str([session.get_decoded() for session in Session.objects.all()])
    assert "203.0.113.7" in kept
    for secret in (raw, PASSWORD, "token-of-the-form", away.cookies["sessionid"].value):
        assert secret not in kept


def test_a_form_that_is_too_long_is_not_stored(away, form):
    empty = form(away)
    away.post(NEW, TYPED | {"allowed_networks": "x" * 80_000})
    confirm(away, NEW)

    assert form(away) == empty


def test_a_rotation_requires_the_password_and_keeps_the_choice(away, olga, form):
    key, _raw = APIKey.objects.issue(owner=olga, by=olga, name="x", permissions=1, now=olga.date_joined)
    rotate = f"/settings/api/{key.key_id}/rotate/"

    assert AGAIN in away.post(rotate, {"overlap": "168"}).url
    assert APIKey.objects.count() == 1
    confirm(away, rotate)

    assert form(away, rotate)["overlap"] == ["168"]


def test_adding_an_email_address_requires_the_password_and_keeps_the_input(away, olga, form):
    answer = away.post("/accounts/email/", {"action_add": "1", "email": "mallory@example.com"})
    assert AGAIN in answer.url
    assert not olga.emailaddress_set.filter(email="mallory@example.com").exists()
    assert mail.outbox == []

    confirm(away, "/accounts/email/")

    assert form(away, "/accounts/email/")["email"] == "mallory@example.com"


@pytest.mark.parametrize("action", ["action_primary", "action_remove"])
def test_no_address_is_made_primary_or_removed_without_the_password(away, olga, action):
    for name, primary in (("olga", True), ("second", False)):
        olga.emailaddress_set.create(email=f"{name}@example.com", verified=True, primary=primary)

    answer = away.post("/accounts/email/", {action: "1", "email": "second@example.com"})

    assert AGAIN in answer.url
    assert olga.emailaddress_set.filter(primary=False).count() == 1
    confirm(away, "/accounts/email/")
    for chosen in ("second", "olga"):  # what was chosen is restored once
        assert f'value="{chosen}@example.com" checked' in away.get("/accounts/email/").text


@pytest.mark.parametrize("page", ["2fa/totp/activate/", "2fa/recovery-codes/generate/"])
def test_two_factor_settings_require_the_password(away, page):
    assert AGAIN in away.get(f"/accounts/{page}").url


def test_a_new_password_requires_the_old_one(away, olga):
    new = {"oldpassword": "wrong", "password1": "a new good one 42", "password2": "a new good one 42"}

    away.post("/accounts/password/change/", new)

    olga.refresh_from_db()
    assert olga.check_password(PASSWORD)


@pytest.mark.parametrize("sign_in", ["page", "force_login"])
def test_a_user_who_has_just_signed_in_is_not_asked(olga, signed_in, client, sign_in):
    client.force_login(olga)
    web = signed_in if sign_in == "page" else client

    assert "Save your new key" in web.post(NEW, TYPED | form_token(web)).text


def form_token(client):
    html = client.get(NEW).text
    return {"form_token": html.partition('name="form_token" value="')[2].partition('"')[0]}


def test_viewing_requires_no_password(away):
    for page in ("/settings/api/", NEW, "/accounts/email/", "/accounts/2fa/", "/accounts/sessions/"):
        assert away.get(page).status_code == 200


def test_another_users_password_is_not_accepted(away, stranger):
    stranger.set_password("stan's own password")
    stranger.save()

    assert "Incorrect password." in confirm(away, NEW, "stan's own password").text
