"""Changing the email address of an account."""

from __future__ import annotations

import re

import pytest
from allauth.account.models import EmailConfirmationHMAC
from allauth.usersessions.models import UserSession
from django.core import mail
from django.test import Client

from testing.keys import forged, secret_of
from wizchat.accounts.tests.conftest import PASSWORD

EMAIL = "/accounts/email/"


@pytest.fixture
def addresses(olga):
    """Create the addresses of olga: a primary one, a verified one and an unverified one."""
    for name, verified, primary in (("olga", True, True), ("second", True, False), ("other", False, False)):
        olga.emailaddress_set.create(email=f"{name}@example.com", verified=verified, primary=primary)
    return olga.emailaddress_set


def primary(addresses):
    return addresses.get(primary=True).email


def test_the_old_address_is_notified_of_a_change(signed_in, addresses):
    signed_in.post(EMAIL, {"action_primary": "1", "email": "second@example.com"})

    assert primary(addresses) == "second@example.com"
    (email,) = mail.outbox
    assert email.to == ["olga@example.com"]
    assert "from olga@example.com to second@example.com" in email.body
    assert "127.0.0.1" in email.body


def test_a_removed_address_is_notified_even_if_it_was_the_only_one(signed_in, olga):
    olga.emailaddress_set.create(email="olga@example.com", verified=True, primary=True)

    signed_in.post(EMAIL, {"action_remove": "1", "email": "olga@example.com"})

    assert ["olga@example.com"] in [email.to for email in mail.outbox]


@pytest.mark.parametrize("verified", [True, False])
def test_an_unverified_address_cannot_become_the_primary_one(signed_in, addresses, verified):
    if not verified:
        addresses.update(verified=False)

    answer = signed_in.post(EMAIL, {"action_primary": "1", "email": "other@example.com"}, follow=True)

    assert primary(addresses) == "olga@example.com"
    assert "Confirm this email address before you make it the primary one." in answer.text
    assert mail.outbox == []


@pytest.mark.parametrize("action", ["action_primary", "action_send", "action_remove"])
@pytest.mark.parametrize("chosen", [{}, {"email": ""}, {"email": "stan@example.com"}])
def test_nothing_chosen_is_said_and_a_strangers_address_is_nothing(
    signed_in, addresses, stranger, action, chosen
):
    stranger.emailaddress_set.create(email="stan@example.com", verified=True, primary=True)

    answer = signed_in.post(EMAIL, {action: "1"} | chosen, follow=True)

    assert "Choose an email address first." in answer.text
    assert (primary(addresses), addresses.count()) == ("olga@example.com", 3)
    assert stranger.emailaddress_set.count() == 1
    assert mail.outbox == []


def test_a_new_address_is_verified_by_a_link_and_then_made_primary(signed_in, addresses):
    signed_in.post(EMAIL, {"action_add": "1", "email": "new@example.com"})
    (email,) = mail.outbox
    assert email.to == ["new@example.com"]

    signed_in.post(re.search(r"https://testserver(\S+)", email.body)[1])
    signed_in.post(EMAIL, {"action_primary": "1", "email": "new@example.com"})

    assert primary(addresses) == "new@example.com"


def test_following_a_strangers_link_signs_nobody_out(signed_in, addresses, stranger):
    address = stranger.emailaddress_set.create(email="other@example.org")
    path = f"/accounts/confirm-email/{EmailConfirmationHMAC(address).key}/"

    assert signed_in.get(path).status_code == 200
    assert signed_in.get("/settings/api/").status_code == 200
    signed_in.post(path)
    assert signed_in.get("/settings/api/").status_code == 302


def test_an_api_key_in_the_user_agent_is_in_no_email_and_no_session(olga, nobody):
    raw = forged()
    olga.emailaddress_set.create(email="olga@example.com", verified=True, primary=True)
    new = {"oldpassword": PASSWORD, "password1": "a new good one 42", "password2": "a new good one 42"}

    nobody.post("/accounts/login/", {"login": "olga", "password": PASSWORD}, headers={"User-Agent": raw})
    nobody.post("/accounts/password/change/", new, headers={"User-Agent": raw})

    assert mail.outbox[0].subject == "[WizChat] Your password was changed"
    assert secret_of(raw) not in mail.outbox[0].body
    assert UserSession.objects.exists()
    assert secret_of(raw) not in str([session.user_agent for session in UserSession.objects.all()])


@pytest.fixture
def mallory(django_user_model):
    """Someone who has added another person's address to their own account."""
    mallory = django_user_model.objects.create_user("mallory", "mallory@example.com", PASSWORD)
    browser = Client()
    browser.post("/accounts/login/", {"login": "mallory", "password": PASSWORD})
    browser.post(EMAIL, {"action_add": "1", "email": "victim@example.com"})
    assert mallory.emailaddress_set.filter(email="victim@example.com", verified=False).exists()
    mail.outbox.clear()
    return browser


@pytest.mark.parametrize("has_account", [True, False])
def test_a_reset_for_an_unverified_address_excludes_the_account_that_only_added_it(
    mallory, nobody, django_user_model, has_account
):
    if has_account:
        django_user_model.objects.create_user("victim", "Victim@Example.com", PASSWORD)

    nobody.post("/accounts/password/reset/", {"email": "victim@example.com"})

    assert ["(victim)" in email.body for email in mail.outbox] == [True] * has_account


def test_an_address_that_someone_only_added_cannot_be_used_to_sign_in(mallory, nobody):
    answer = nobody.post("/accounts/login/", {"login": "victim@example.com", "password": PASSWORD})

    assert "Incorrect username or password." in answer.text


def test_an_address_that_someone_only_added_is_still_free_for_its_owner(mallory, nobody, settings):
    settings.SIGNUP_OPEN = True
    settings.ACCOUNT_RATE_LIMITS = {"confirm_email": None}
    own = "another good one 4242"
    typed = {"username": "victim", "email": "victim@example.com", "password1": own, "password2": own}

    nobody.post("/accounts/signup/", typed)
    nobody.post(re.search(r"https://testserver(\S+)", mail.outbox[0].body)[1])

    answer = nobody.post("/accounts/login/", {"login": "victim@example.com", "password": own})
    assert (answer.status_code, answer.url) == (302, "/settings/api/")


def test_removing_the_only_other_address_does_not_promote_an_unverified_one(mallory, django_user_model):
    answer = mallory.post(EMAIL, {"action_remove": "1", "email": "mallory@example.com"}, follow=True)

    assert "Make another address the primary one before you remove mallory@example.com." in answer.text
    assert django_user_model.objects.get(username="mallory").email == "mallory@example.com"
