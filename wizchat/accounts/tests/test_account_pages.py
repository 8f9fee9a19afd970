"""Signing in and out, with the errors on the way."""

from __future__ import annotations

import re
from ipaddress import ip_network

import pytest
from django.core import mail
from django.test import Client, override_settings

from wizchat.accounts.tests.conftest import PASSWORD

LOGIN = "/accounts/login/"
MANAGED = [
    "email/",
    "password/change/",
    "2fa/",
    "2fa/totp/activate/",
    "sessions/",
    "reauthenticate/",
    "logout/",
]


@pytest.mark.parametrize("login", ["olga", "olga@example.com"])
def test_signing_in_by_name_or_email_leads_to_the_keys(nobody, olga, login):
    response = nobody.post(LOGIN, {"login": login, "password": PASSWORD})

    assert (response.status_code, response.url) == (302, "/settings/api/")


def test_signing_in_leads_to_the_requested_page_but_not_off_the_site(nobody, olga):
    typed = {"login": "olga", "password": PASSWORD}

    assert Client().post(LOGIN, typed | {"next": "/settings/api/new/"}).url == "/settings/api/new/"
    assert Client().post(LOGIN, typed | {"next": "https://evil.example/"}).url == "/settings/api/"


def test_a_wrong_password_and_an_unknown_name_get_the_same_message(nobody, olga):
    said = [
        re.search(
            r'role="alert".*?</div>', nobody.post(LOGIN, {"login": login, "password": "wrong"}).text, re.S
        )[0]
        for login in ("olga", "nobody")
    ]

    assert said[0] == said[1]
    assert "There is a problem" in said[0]


def test_an_overlong_name_is_wrong_and_not_looked_up(nobody, olga):
    response = nobody.post(LOGIN, {"login": "x" * 100_000, "password": PASSWORD})

    assert response.status_code == 200
    assert "at most 254 characters" in response.text


def test_signing_out_takes_a_post(client, olga):
    client.force_login(olga)
    assert client.get("/accounts/logout/").status_code == 200
    assert client.get("/settings/api/").status_code == 200

    client.post("/accounts/logout/")

    assert client.get("/settings/api/").status_code == 302


def test_guessing_at_a_password_is_stopped(nobody, olga):
    for _ in range(6):
        nobody.post(LOGIN, {"login": "olga", "password": "wrong"})

    response = nobody.post(LOGIN, {"login": "olga", "password": PASSWORD})

    assert "Too many failed sign-in attempts" in response.text


def test_a_forged_header_does_not_evade_the_limit_on_guesses(nobody, olga):
    answers = [
        nobody.post(
            LOGIN, {"login": f"user{n}", "password": "x"}, headers={"X-Forwarded-For": f"10.0.0.{n}"}
        ).text
        for n in range(12)
    ]

    assert "Too many failed sign-in attempts" in answers[-1]


def test_behind_a_trusted_proxy_each_client_has_its_own_limit(nobody, olga, settings):
    settings.TRUSTED_PROXIES = (ip_network("127.0.0.1"),)

    answers = [
        nobody.post(
            LOGIN, {"login": f"user{n}", "password": "x"}, headers={"X-Forwarded-For": f"10.0.0.{n}"}
        ).text
        for n in range(12)
    ]

    assert "Too many failed sign-in attempts" not in answers[-1]


def test_too_many_requests_get_a_page_that_says_so(nobody, olga):
    answers = [nobody.get("/accounts/password/reset/") for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}

    answers = [nobody.post("/accounts/password/reset/", {"email": f"a{n}@b.example"}) for n in range(25)]

    assert answers[-1].status_code == 429
    assert "Too many attempts" in answers[-1].text


def test_sign_up_is_closed_unless_the_operator_opens_it(nobody, django_user_model):
    typed = {"username": "new", "email": "new@example.com", "password1": PASSWORD, "password2": PASSWORD}
    assert "Create an account" not in nobody.get(LOGIN).text
    nobody.post("/accounts/signup/", typed)
    assert not django_user_model.objects.exists()

    with override_settings(SIGNUP_OPEN=True):
        assert "Create an account" in nobody.get(LOGIN).text
        nobody.post("/accounts/signup/", typed)

    assert django_user_model.objects.get().username == "new"


def test_a_forgotten_password_is_reset_by_email(nobody, olga):
    nobody.post("/accounts/password/reset/", {"email": "olga@example.com"})
    path = re.search(r"https://testserver(\S+)", mail.outbox[0].body)[1]

    form = nobody.get(path, follow=True)
    nobody.post(
        form.request["PATH_INFO"], {"password1": "a new good one 42", "password2": "a new good one 42"}
    )

    assert mail.outbox[0].subject.startswith("[WizChat] ")
    assert nobody.post(LOGIN, {"login": "olga", "password": "a new good one 42"}).status_code == 302


def test_a_reset_for_an_unknown_address_looks_the_same_and_sends_no_email(nobody, olga):
    known = nobody.post("/accounts/password/reset/", {"email": "olga@example.com"}, follow=True)
    unknown = nobody.post("/accounts/password/reset/", {"email": "who@example.com"}, follow=True)

    assert known.redirect_chain == unknown.redirect_chain
    assert [letter.to for letter in mail.outbox] == [["olga@example.com"]]


@pytest.mark.parametrize("page", MANAGED)
def test_ones_account_is_ones_own(nobody, page):
    assert nobody.get(f"/accounts/{page}").status_code == 302


@pytest.mark.parametrize("page", ["login/", "password/reset/", "signup/", *MANAGED])
def test_every_page_has_one_heading_a_title_and_no_inline_script(client, nobody, olga, page):
    if page in MANAGED:
        client.force_login(olga)

    html = client.get(f"/accounts/{page}").text

    assert html.count("<h1") == 1
    assert "– WizChat</title>" in html
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on\w+=", html)
