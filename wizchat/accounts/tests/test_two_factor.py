"""Two-factor authentication with an authenticator app and recovery codes."""

from __future__ import annotations

import re

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth
from cryptography.fernet import InvalidToken
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client

from testing.accounts import code_for, sign_in_long_ago
from wizchat.accounts.mfa import MFAAdapter
from wizchat.accounts.tests.conftest import PASSWORD

ACTIVATE = "/accounts/2fa/totp/activate/"
CODE = "/accounts/2fa/authenticate/"
LOGIN = "/accounts/login/"
CREDENTIALS = {"login": "olga", "password": PASSWORD}


@pytest.fixture(autouse=True)
def period(monkeypatch):
    """Freeze the time of the codes, as a number of periods in a list."""
    now = [1_000]
    monkeypatch.setattr(auth, "yield_hotp_counters_from_time", lambda: iter(now))
    return now


@pytest.fixture
def verified(olga):
    olga.emailaddress_set.create(email=olga.email, verified=True, primary=True)


@pytest.fixture
def secret(signed_in, verified, period):
    """Turn on two-factor authentication on the page; return the app's secret."""
    secret = shown_secret(signed_in.get(ACTIVATE))
    answer = signed_in.post(ACTIVATE, {"code": code_for(secret, period[0])})
    assert answer.url == "/accounts/2fa/recovery-codes/"
    return secret


def shown_secret(response):
    return re.search(r">([A-Z2-7]{32})</code>", response.text)[1]


def recovery_codes(client):
    return re.findall(r"<li>(\d{8})</li>", client.get("/accounts/2fa/recovery-codes/").text)


def sign_in(user):
    client = Client()
    client.force_login(user)
    return client


def signed_in_now(client):
    return client.get("/settings/api/").status_code == 200


def test_the_password_alone_does_not_sign_in(secret, nobody, period):
    answer = nobody.post(LOGIN, CREDENTIALS)
    assert answer.url == CODE
    assert not signed_in_now(nobody)

    nobody.post(CODE, {"code": code_for(secret, period[0])})

    assert signed_in_now(nobody)


@pytest.mark.parametrize("wrong", ["000000", "", "1", "99999999", "x" * 10_000])
def test_a_wrong_code_does_not_sign_in(secret, nobody, wrong):
    nobody.post(LOGIN, CREDENTIALS)

    answer = nobody.post(CODE, {"code": wrong})

    assert "There is a problem" in answer.text
    assert not signed_in_now(nobody)


def test_a_code_without_the_password_is_worth_nothing(secret, nobody, period):
    assert nobody.post(CODE, {"code": code_for(secret, period[0])}).url == LOGIN
    assert not signed_in_now(nobody)


def test_a_code_signs_in_once(secret, nobody, period):
    code = {"code": code_for(secret, period[0])}
    nobody.post(LOGIN, CREDENTIALS)
    nobody.post(CODE, code)
    replay = Client()
    replay.post(LOGIN, CREDENTIALS)

    replay.post(CODE, code)

    assert signed_in_now(nobody)
    assert not signed_in_now(replay)


def test_guessing_at_codes_is_stopped(secret, nobody, period):
    nobody.post(LOGIN, CREDENTIALS)
    for number in range(12):
        nobody.post(CODE, {"code": f"{number:06}"})

    answer = nobody.post(CODE, {"code": code_for(secret, period[0])})

    assert "Too many failed sign-in attempts" in answer.text
    assert not signed_in_now(nobody)


def test_a_recovery_code_signs_in_once(secret, signed_in):
    code = {"code": recovery_codes(signed_in)[0]}
    for expected in (True, False):
        client = Client()
        client.post(LOGIN, CREDENTIALS)
        client.post(CODE, code)
        assert signed_in_now(client) == expected

    assert code["code"] not in recovery_codes(signed_in)
    assert "9 of 10 codes are left" in signed_in.get("/accounts/2fa/").text


def test_a_password_reset_does_not_turn_it_off(secret, nobody, olga):
    mail.outbox.clear()
    nobody.post("/accounts/password/reset/", {"email": olga.email})
    path = re.search(r"https://testserver(\S+)", mail.outbox[0].body)[1]
    form = nobody.get(path, follow=True)
    new = "a new good one 42"
    nobody.post(form.request["PATH_INFO"], {"password1": new, "password2": new})

    assert nobody.post(LOGIN, {"login": "olga", "password": new}).url == CODE
    assert not signed_in_now(nobody)


def test_the_admin_asks_for_the_code_of_users_who_have_one(secret, nobody, olga, period):
    olga.is_staff = olga.is_superuser = True
    olga.save()
    assert nobody.get("/admin/login/?next=/admin/").url.startswith(LOGIN)
    assert nobody.post("/admin/login/", {"username": "olga", "password": PASSWORD}).url.startswith(LOGIN)

    nobody.post(f"{LOGIN}?next=/admin/", CREDENTIALS | {"next": "/admin/"})
    assert nobody.get("/admin/").status_code == 302

    assert nobody.post(CODE, {"code": code_for(secret, period[0])}).url == "/admin/"
    assert nobody.get("/admin/").status_code == 200


def test_the_secret_is_encrypted_in_the_database(secret):
    stored = str([authenticator.data for authenticator in Authenticator.objects.all()])

    assert "gAAAA" in stored
    assert secret not in stored


def test_the_secret_is_encrypted_in_the_session_and_survives_a_wrong_code(signed_in, verified, period):
    secret = shown_secret(signed_in.get(ACTIVATE))
    kept = str([session.get_decoded() for session in Session.objects.all()])
    assert "mfa.totp.secret" in kept
    assert secret not in kept

    again = signed_in.post(ACTIVATE, {"code": "000000"})

    assert "Incorrect code." in again.text
    assert shown_secret(again) == secret
    assert signed_in.post(ACTIVATE, {"code": code_for(secret, period[0])}).status_code == 302


def test_a_new_secret_key_decrypts_what_the_former_one_encrypted(settings):
    former = settings.SECRET_KEY
    encrypted = MFAAdapter().encrypt("JBSWY3DPEHPK3PXP")
    settings.SECRET_KEY = "another"
    with pytest.raises(InvalidToken):
        MFAAdapter().decrypt(encrypted)

    settings.SECRET_KEY_FALLBACKS = [former]

    assert MFAAdapter().decrypt(encrypted) == "JBSWY3DPEHPK3PXP"


def test_the_admin_shows_who_has_it_and_no_secret(secret, admin_client):
    pk = Authenticator.objects.get(type="totp").pk
    for page in ("", f"{pk}/change/"):
        html = admin_client.get(f"/admin/mfa/authenticator/{page}").text
        assert "olga" in html
        assert "gAAAA" not in html
        assert secret not in html


def test_turning_it_off_requires_the_password_and_notifies_the_owner(secret, olga, signed_in):
    off = "/accounts/2fa/totp/deactivate/"
    away = sign_in_long_ago(olga)
    assert "/accounts/reauthenticate/" in away.post(off).url
    assert Authenticator.objects.filter(type="totp").exists()
    mail.outbox.clear()

    signed_in.post(off)

    assert not Authenticator.objects.exists()
    assert [email.subject for email in mail.outbox] == ["[WizChat] Your authenticator app was turned off"]


def test_turning_it_on_notifies_the_owner(signed_in, verified, period, django_capture_on_commit_callbacks):
    secret = shown_secret(signed_in.get(ACTIVATE))

    with django_capture_on_commit_callbacks(execute=True):
        signed_in.post(ACTIVATE, {"code": code_for(secret, period[0])})

    assert [email.subject for email in mail.outbox] == ["[WizChat] Your authenticator app was turned on"]
    assert secret not in mail.outbox[0].body


def test_recovery_codes_require_the_password_again(secret, olga, signed_in):
    codes = recovery_codes(signed_in)
    away = sign_in_long_ago(olga)

    for page in ("", "download/", "generate/"):
        answer = away.get(f"/accounts/2fa/recovery-codes/{page}")
        assert answer.status_code == 302
        assert not any(code in answer.text for code in codes)


def test_the_codes_of_a_stranger_are_not_there(secret, stranger):
    stranger_web = sign_in(stranger)
    assert stranger_web.get("/accounts/2fa/recovery-codes/").status_code == 404
    assert stranger_web.post("/accounts/2fa/totp/deactivate/").status_code == 404
    assert Authenticator.objects.count() == 2


def test_an_address_can_still_be_added(secret, signed_in, olga):
    signed_in.post("/accounts/email/", {"action_add": "1", "email": "new@example.com"})

    assert olga.emailaddress_set.filter(email="new@example.com", verified=False).exists()
