"""The list of sessions, and signing out the others."""

from __future__ import annotations

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


def test_the_other_sessions_end_and_this_one_and_strangers_go_on(olga, stranger):
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
