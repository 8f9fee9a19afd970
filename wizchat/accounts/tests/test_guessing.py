"""Attempts to guess passwords and to find out who has an account."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apikeys.auth import failed_attempts
from wizchat.accounts import outbox
from wizchat.accounts.tests.conftest import PASSWORD, QuickArgon2
from wizchat.environment import local_cache

LOGIN = "/accounts/login/"
STOPPED = "Too many failed sign-in attempts"


class CountingHasher(QuickArgon2):
    hashed = 0

    def encode(self, password, salt):
        CountingHasher.hashed += 1
        return super().encode(password, salt)

    def verify(self, password, encoded):
        CountingHasher.hashed += 1
        return super().verify(password, encoded)


@pytest.fixture(autouse=True)
def _no_limit_per_address(settings):
    settings.ACCOUNT_RATE_LIMITS = {"login": None, "login_failed": "5/300s/key"}


def guess(client, login, host="testserver"):
    return client.post(LOGIN, {"login": login, "password": "wrong"}, headers={"Host": host}).text


def test_another_spelling_of_the_host_starts_no_new_count(nobody, olga):
    hosts = ["testserver", "testserver:8001", "testserver:0443", "TestServer", "localhost", "127.0.0.1"]

    answers = [guess(nobody, "olga", host) for host in hosts]

    assert STOPPED not in answers[4]
    assert STOPPED in answers[5]


def test_an_account_has_one_count_whatever_names_it(nobody, olga):
    names = ["olga", "OLGA", "olga@example.com", "Olga@Example.com", " olga ", "olga@example.com"]

    answers = [guess(nobody, name) for name in names]

    assert STOPPED not in answers[4]
    assert STOPPED in answers[5]
    assert STOPPED in nobody.post(LOGIN, {"login": "olga", "password": PASSWORD}).text


def test_a_second_address_of_an_account_has_no_separate_count(nobody, olga):
    olga.emailaddress_set.create(email="second@example.com", verified=True)

    for _ in range(5):
        guess(nobody, "second@example.com")

    assert STOPPED in guess(nobody, "olga")


def test_accounts_have_separate_limits(nobody, olga, django_user_model):
    django_user_model.objects.create_user("stan", "stan@example.com", PASSWORD)
    for _ in range(6):
        guess(nobody, "olga")

    assert nobody.post(LOGIN, {"login": "stan", "password": PASSWORD}).status_code == 302


def test_guesses_on_the_password_page_count_with_those_on_the_sign_in_page(nobody, signed_in, olga, settings):
    settings.ACCOUNT_RATE_LIMITS |= {"change_password": None, "reauthenticate": None}
    typed = {"oldpassword": "wrong", "password1": "a new good one 42", "password2": "a new good one 42"}
    for _ in range(3):
        assert "Incorrect password." in signed_in.post("/accounts/password/change/", typed).text
    for _ in range(2):
        assert (
            "Incorrect password." in signed_in.post("/accounts/reauthenticate/", {"password": "wrong"}).text
        )

    assert STOPPED in guess(nobody, "olga")
    assert STOPPED in signed_in.post("/accounts/password/change/", typed | {"oldpassword": PASSWORD}).text


def test_the_admin_has_no_password_form_without_a_limit(admin_client):
    answer = admin_client.post("/admin/password_change/", {"old_password": "guess"})

    assert (answer.status_code, answer.url) == (302, "/accounts/password/change/")


def test_without_redis_a_flood_of_bad_keys_evicts_no_lockout(nobody, olga, settings):
    settings.CACHES = {name: local_cache(f"flooded {name}") for name in settings.CACHES}
    for _ in range(5):
        guess(nobody, "olga")

    for number in range(30_000):
        failed_attempts.count(IPv4Address(number))

    assert STOPPED in guess(nobody, "olga")


@pytest.mark.parametrize("login", ["olga", "olga@example.com", "nobody", "nobody@example.com"])
def test_signing_in_costs_the_same_whether_there_is_an_account_or_not(nobody, olga, settings, login):
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    guess(nobody, "warm-up")
    CountingHasher.hashed = 0

    with CaptureQueriesContext(
        connection,
    ) as queries:
        guess(nobody, login)

    assert CountingHasher.hashed == 1
    assert len(queries) == 4


def test_a_reset_costs_the_same_whether_there_is_an_account_or_not(nobody, olga, monkeypatch):
    queued = []
    monkeypatch.setattr(outbox, "later", lambda job, *arguments: queued.append((job.__name__, arguments)))
    counts = []
    for email in ("olga@example.com", "nobody@example.com"):
        with CaptureQueriesContext(connection) as queries:
            nobody.post("/accounts/password/reset/", {"email": email})
        counts.append(len(queries))

    assert counts[0] == counts[1]
    assert queued == [
        ("send_reset_links", ("olga@example.com",)),
        ("send_reset_links", ("nobody@example.com",)),
    ]
    assert mail.outbox == []


def test_a_closed_account_gets_no_reset_link(nobody, olga):
    olga.is_active = False
    olga.save()

    nobody.post("/accounts/password/reset/", {"email": olga.email})

    assert mail.outbox == []


def test_two_accounts_with_one_address_can_both_sign_in(nobody, olga, django_user_model):
    django_user_model.objects.create_user("twin", "olga@example.com", "another good one 42")

    assert (
        nobody.post(LOGIN, {"login": "olga@example.com", "password": "another good one 42"}).status_code
        == 302
    )
