"""Settings > Notifications."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from apikeys.models import Notice, NoticeChoices

pytestmark = pytest.mark.django_db
PAGE = "/settings/notifications/"
LABELS = [
    "A key is created",
    "A key is rotated",
    "A key expires soon",
    "A revoked or expired key is still in use",
]


@pytest.fixture
def web(owner):
    client = Client()
    client.force_login(owner)
    return client


def test_everything_is_on_at_first(web, owner):
    html = web.get(PAGE).text

    assert html.count("checked") == 4
    for label in LABELS:
        assert label in html
    assert "olga@example.com" in html
    assert not NoticeChoices.objects.exists()


def test_unchecked_emails_are_off(web, owner):
    assert web.post(PAGE, {"created": "on", "expiring": "on"}).status_code == 302

    choices = NoticeChoices.objects.get(user=owner)
    assert (choices.created, choices.rotated, choices.expiring, choices.ended_in_use) == (
        True,
        False,
        True,
        False,
    )
    assert web.get(PAGE).text.count("checked") == 2


def test_a_user_cannot_change_anothers_choices(web, owner, stranger):
    web.post(PAGE, {"user": stranger.pk, "pk": stranger.pk})

    assert not NoticeChoices.objects.filter(user=stranger).exists()


def test_security_emails_cannot_be_turned_off(web, owner):
    web.post(PAGE, {"revoked": "", "reported": "", "widened": ""})

    html = web.get(PAGE).text
    assert html.count('type="checkbox"') == 4


def test_an_anonymous_user_is_sent_to_sign_in():
    for method in ("get", "post"):
        response = getattr(Client(), method)(PAGE)
        assert response.status_code == 302
        assert response["Location"].startswith("/accounts/login/")


def test_a_form_from_another_site_changes_nothing(owner):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)

    assert client.post(PAGE, {}).status_code == 403
    assert not NoticeChoices.objects.exists()


def test_a_user_without_an_address_is_told_so(web, owner):
    owner.email = ""
    owner.save()

    assert "no email address" in web.get(PAGE).text


def test_the_page_shows_a_refused_address_until_the_mail_server_accepts_an_email(web, issue, stranger):
    issue()
    issue()
    first, last = Notice.objects.order_by("pk")
    refused = Notice.objects.filter(pk=first.pk)
    refused.update(refusal="550 No such <user>", dropped_at=timezone.now())

    html = web.get(PAGE).text
    assert "We couldn't deliver our last email (“550 No such &lt;user&gt;”)." in html
    last.claim("worker", timezone.now())
    last.note_sent(timezone.now())
    assert "deliver our last email" not in web.get(PAGE).text
    refused.update(queued_at=timezone.now())
    assert "deliver our last email" in web.get(PAGE).text

    web.force_login(stranger)
    assert "deliver our last email" not in web.get(PAGE).text
