"""The list of sessions, and signing out the others."""

from __future__ import annotations

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client

from wizchat.accounts.tests.conftest import PASSWORD

SESSIONS = "/accounts/sessions/"
CREDENTIALS = {"login": "olga", "password": PASSWORD}


def browser(name):
    client = Client()
    client.post("/accounts/login/", CREDENTIALS, headers={"User-Agent": name})
    return client


def is_in(client):
    return client.get("/settings/api/").status_code == 200


def test_each_session_is_listed_with_its_address_and_browser(olga):
    browser("Firefox of olga")
    html = browser("Chrome of olga").get(SESSIONS).text

    assert "Firefox of olga" in html
    assert "Chrome of olga" in html
    assert html.count("127.0.0.1") == 2
    assert html.count("This session") == 1


def test_only_the_users_other_sessions_end(olga, stranger):
    mine, other, strangers = browser("mine"), browser("other"), Client()
    strangers.force_login(stranger)

    mine.post(SESSIONS)

    assert (is_in(mine), is_in(other), is_in(strangers)) == (True, False, True)
    assert "other" not in mine.get(SESSIONS).text.partition("<tbody>")[2].partition("</tbody>")[0]


def test_a_session_from_before_they_were_listed_is_listed_too(olga, client):
    client.force_login(olga)

    assert "This session" in client.get(SESSIONS).text


def test_a_session_key_is_on_no_page(olga):
    client = browser("mine")

    assert client.cookies["sessionid"].value not in client.get(SESSIONS).text


def test_a_new_password_ends_the_other_sessions(olga):
    mine, other = browser("mine"), browser("other")
    new = {"oldpassword": PASSWORD, "password1": "a new good one 42", "password2": "a new good one 42"}

    mine.post("/accounts/password/change/", new)

    assert (is_in(mine), is_in(other)) == (True, False)


SESSIONS_IN_ADMIN = "/admin/usersessions/usersession/"


@pytest.mark.parametrize("how", ["its page", "the action"])
def test_deleting_a_session_in_the_admin_signs_its_browser_out(olga, admin_client, how):
    stolen, other = browser("stolen"), browser("other")
    listed = UserSession.objects.get(user=olga, user_agent="stolen")
    selected = {"action": "delete_selected", "_selected_action": [listed.pk]}

    if how == "its page":
        admin_client.post(f"{SESSIONS_IN_ADMIN}{listed.pk}/delete/", {"post": "yes"})
    else:
        admin_client.post(SESSIONS_IN_ADMIN, selected | {"post": "yes"})

    assert (is_in(stolen), is_in(other)) == (False, True)


def test_the_admin_shows_sessions_and_neither_their_keys_nor_a_form(olga, admin_client):
    key = browser("mine").session.session_key
    page = f"{SESSIONS_IN_ADMIN}{UserSession.objects.get(user=olga).pk}/change/"

    assert key not in admin_client.get(page).text
    assert admin_client.post(page, {"ip": "192.0.2.1"}).status_code == 403
    assert admin_client.get(f"{SESSIONS_IN_ADMIN}add/").status_code == 403
