"""Signing up with someone else's address."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.test import Client

from apikeys.models import APIKey
from wizchat.accounts.models import SignUp
from wizchat.accounts.tests.conftest import PASSWORD

NEW_KEY = "/settings/api/new/"
TYPED = {"username": "mallory", "email": "olga@example.com", "password1": PASSWORD, "password2": PASSWORD}
CREDENTIALS = {"login": "mallory", "password": PASSWORD}


@pytest.fixture(autouse=True)
def _open(settings):
    settings.SIGNUP_OPEN = True


def make_key(client):
    client.post(NEW_KEY, {"name": "Backdoor", "permissions": "read", "expires": "never"})


def test_nobody_can_sign_in_with_an_unverified_address(nobody):
    answer = nobody.post("/accounts/signup/", TYPED)
    assert answer.url == "/accounts/confirm-email/"

    answer = nobody.post("/accounts/login/", CREDENTIALS)

    assert answer.url == "/accounts/confirm-email/"
    assert nobody.get(NEW_KEY).status_code == 302


def test_a_key_requires_a_verified_address_even_when_signed_in(nobody, django_user_model):
    nobody.post("/accounts/signup/", TYPED)
    mallory = Client()
    mallory.force_login(django_user_model.objects.get(username="mallory"))

    answer = mallory.get(NEW_KEY)
    make_key(mallory)

    assert answer.status_code == 403
    assert "Confirm your email address first" in answer.text
    assert not APIKey.objects.exists()


def test_closing_the_sign_up_later_changes_nothing_for_existing_accounts(nobody, settings):
    nobody.post("/accounts/signup/", TYPED)
    settings.SIGNUP_OPEN = False

    assert nobody.post("/accounts/login/", CREDENTIALS).url == "/accounts/confirm-email/"


def test_a_password_reset_shuts_out_an_impostor_who_signed_up_first(nobody):
    nobody.post("/accounts/signup/", TYPED)
    olga = Client()
    olga.post("/accounts/password/reset/", {"email": "olga@example.com"})
    path = re.search(r"https://testserver(\S+)", mail.outbox[-1].body)[1]
    form = olga.get(path, follow=True)
    olga.post(form.request["PATH_INFO"], {"password1": "mine alone 4242", "password2": "mine alone 4242"})

    assert "Incorrect username or password." in nobody.post("/accounts/login/", CREDENTIALS).text
    assert not APIKey.objects.exists()


def test_the_link_opens_the_account_and_then_a_key_can_be_created(nobody):
    nobody.post("/accounts/signup/", TYPED)
    path = re.search(r"https://testserver(\S+)", mail.outbox[0].body)[1]
    assert "Confirm your email address" in nobody.get(path).text

    nobody.post(path)
    nobody.post("/accounts/login/", CREDENTIALS)
    nobody.post(NEW_KEY, {"name": "x"})

    assert nobody.get(NEW_KEY).status_code == 200


def test_an_account_created_by_an_operator_needs_no_address(django_user_model, nobody):
    django_user_model.objects.create_user("ivan", "", PASSWORD)

    assert nobody.post("/accounts/login/", {"login": "ivan", "password": PASSWORD}).url == "/settings/api/"
    assert nobody.get(NEW_KEY).status_code == 200


def test_a_taken_address_looks_like_a_free_one(nobody, olga, django_user_model):
    taken = nobody.post("/accounts/signup/", TYPED)
    free = Client().post("/accounts/signup/", TYPED | {"username": "sam", "email": "sam@example.com"})

    assert (taken.status_code, taken.url) == (free.status_code, free.url)
    assert not django_user_model.objects.filter(username="mallory").exists()
    assert [email.to for email in mail.outbox] == [["olga@example.com"], ["sam@example.com"]]
    assert SignUp.objects.count() == 1


def test_a_username_cannot_pass_for_an_address(nobody, django_user_model):
    answer = nobody.post("/accounts/signup/", TYPED | {"username": "olga@example.com"})

    assert "A username can&#x27;t contain @." in answer.text
    assert not django_user_model.objects.exists()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"username": "mal lory"}, "A username can contain only letters, digits and the characters . + - _"),
        ({"username": "mal@lory"}, "A username can&#x27;t contain @."),
        ({"password2": "another one 4242"}, "The passwords don&#x27;t match. Enter the same password twice."),
    ],
)
def test_what_is_wrong_is_said_in_our_words(nobody, typed, said):
    answer = nobody.post("/accounts/signup/", TYPED | typed)

    assert said in answer.text
