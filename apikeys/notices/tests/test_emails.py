"""The text of the emails."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from apikeys.models import APIKey, KeyEvent, Notice, Origin, Permission
from apikeys.notices.queue import queue_due
from testing.keys import secret_of

pytestmark = pytest.mark.django_db

NASTY = ["Plain", "W" * 80, "a\r\nBcc: eve@example.com", "<b>bold</b> & {{ key }}", "turned \u202etxt.exe"]


@pytest.fixture
def every_email(issue, owner, stranger, subjects, use, settings, call):
    """Send one email of each kind for keys with a name and return them by kind."""

    def send(name="Production API", site_url="https://keys.example.com"):
        settings.SITE_URL = site_url
        now = timezone.now()
        origin = Origin(ip="2001:db8:1234:5678:9abc:def0:1234:5678")
        values = {"name": "x", "permissions": Permission.READ, "origin": origin}
        key, raw = issue(expires_at=now + timedelta(days=5), allowed_networks="192.0.2.0/24", **values)
        _leaked, leaked_raw = issue(**values)
        ended, _raw = issue(**values)
        APIKey.objects.update(name=name)
        every = Permission.READ | Permission.WRITE | Permission.ADMIN
        key.change(by=stranger, now=now, origin=origin, permissions=every, allowed_networks="")
        use(key)
        queue_due(now)
        key.refresh_from_db()
        _new, new_raw = key.rotate(by=owner, now=now, overlap=timedelta(days=1), origin=origin)
        call(None, "POST", "/v1/leaked-keys", {"keys": [leaked_raw]})
        ended.revoke(by=owner, now=now, origin=origin)
        use(ended, "revoked")
        queue_due(now)
        subjects()
        assert len(mail.outbox) == Notice.objects.count()
        kinds = Notice.objects.order_by("due_at", "pk").values_list("kind", flat=True)
        return dict(zip(kinds, mail.outbox, strict=True)), [raw, leaked_raw, new_raw]

    return send


def test_there_is_an_email_of_every_kind(every_email):
    emails, _secrets = every_email()

    assert set(emails) == set(Notice.Kind.values)


@pytest.mark.parametrize("name", NASTY)
def test_no_line_is_over_78_columns_and_no_name_breaks_a_header(every_email, name):
    emails, _secrets = every_email(name)

    for kind, email in emails.items():
        lines = [line for line in email.body.splitlines() if "://" not in line]
        assert max(map(len, lines)) <= 78, kind
        assert "\n" not in email.subject
        assert "\u202e" not in email.subject + email.body
        assert "&lt;" not in email.subject + email.body
        sent = email.message()
        assert "Bcc" not in sent
        assert sent["To"] == "olga@example.com"
        assert sent.get_content_type() == "text/plain"


def test_nobody_is_told_to_rotate_a_key_that_has_been_rotated(issue, owner, use, subjects, settings, call):
    settings.LEAK_ACTION = "notify"
    now = timezone.now()
    key, raw = issue(allowed_networks="192.0.2.0/24")
    key.rotate(by=owner, now=now, overlap=timedelta(days=1))
    use(key, "address")
    queue_due(now)
    call(None, "POST", "/v1/leaked-keys", {"keys": [raw]})
    subjects()

    told = [
        email.body
        for email in mail.outbox
        if "otated" not in email.subject and "created" not in email.subject
    ]
    assert len(told) == 2
    for body in told:
        assert "evoke" in body
        assert "otate it" not in body
        assert "otate the key" not in body


def test_no_email_has_a_secret(every_email):
    emails, raws = every_email()

    for email in emails.values():
        for raw in raws:
            assert secret_of(raw) not in email.subject + email.body


def test_every_email_names_the_key_and_links_to_its_page_on_the_site(every_email):
    emails, _secrets = every_email()

    for kind, email in emails.items():
        key_id = email.body.partition("Key: wzc_")[2][:12]
        assert f"Key: wzc_{key_id}_…" in email.body, kind
        assert f"https://keys.example.com/settings/api/{key_id}/" in email.body.splitlines()


def test_every_email_of_an_event_says_when_by_whom_and_from_where(every_email):
    emails, _secrets = every_email()

    for kind in ("created", "rotated", "revoked", "widened"):
        assert "By: " in emails[kind].body
        assert "When: " in emails[kind].body
        assert "IP address: 2001:db8:1234:5678:9abc:def0:1234:5678" in emails[kind].body
    assert "By: an operator (stan)" in emails["widened"].body
    assert "By: someone who isn't signed in" in emails["reported"].body


def test_optional_emails_say_where_to_turn_them_off(every_email):
    emails, _secrets = every_email()
    told = {kind for kind, email in emails.items() if "/settings/notifications/" in email.body}

    assert told == {"created", "rotated", "expiring", "ended_in_use"}


def test_an_email_names_the_key_that_acted(issue, subjects, quiet):
    admin, _raw = issue()
    key, _raw = issue()
    quiet()

    key.revoke(by=admin.owner, now=timezone.now(), origin=Origin(key=admin))

    subjects()
    assert f"By: the API key {admin.masked}" in mail.outbox[0].body
    assert KeyEvent.objects.filter(actor_key_id=admin.key_id).exists()
