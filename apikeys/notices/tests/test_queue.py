"""Which events send which emails, to whom and how often."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apikeys.leaks.handling import REASON
from apikeys.models import APIKey, Notice, NoticeChoices, Origin, Permission
from apikeys.notices.queue import queue_due
from testing.keys import secret_of
from testing.statements import longest_statement

pytestmark = pytest.mark.django_db


def rotated(key, owner, overlap=timedelta(days=1)):
    return key.rotate(by=owner, now=timezone.now(), overlap=overlap)


def test_creating_a_key_sends_one_email(issue, subjects):
    _key, raw = issue(origin=Origin(ip="192.0.2.7"))

    assert subjects() == ['API key "Production API" was created']
    assert mail.outbox[0].to == ["olga@example.com"]
    assert "192.0.2.7" in mail.outbox[0].body
    assert secret_of(raw) not in mail.outbox[0].body
    assert subjects() == []


@pytest.mark.parametrize("overlap", [timedelta(days=1), timedelta(0), None])
def test_a_rotation_sends_one_email(issue, owner, subjects, quiet, overlap):
    key, _raw = issue(expires_at=timezone.now() + timedelta(days=300))
    quiet()

    new, raw = rotated(key, owner, overlap)
    queue_due(timezone.now())

    assert subjects() == ['API key "Production API" was rotated']
    assert new.masked in mail.outbox[0].body
    assert secret_of(raw) not in mail.outbox[0].body


def test_revoking_a_rotated_key_sends_an_email(issue, owner, subjects, quiet):
    key, _raw = issue()
    rotated(key, owner)
    quiet()

    key.revoke(by=owner, now=timezone.now())

    assert subjects() == ['API key "Production API" was revoked']
    assert "By: you (olga)" in mail.outbox[0].body


def test_revoking_a_key_in_the_moment_of_its_rotation_sends_an_email_too(issue, owner, subjects, quiet):
    key, _raw = issue()
    now = timezone.now()
    key.rotate(by=owner, now=now, overlap=timedelta(days=1))
    quiet()

    key.revoke(by=owner, now=now)

    assert subjects() == ['API key "Production API" was revoked']


def test_an_email_says_who_revoked_the_key(issue, stranger, subjects, quiet):
    key, _raw = issue()
    quiet()

    key.revoke(by=stranger, now=timezone.now(), reason="abuse")

    subjects()
    assert "By: an operator (stan)" in mail.outbox[0].body
    assert "Reason: abuse" in mail.outbox[0].body


@pytest.mark.parametrize(
    ("before", "after", "is_sent"),
    [
        ({"permissions": Permission.READ}, {"permissions": Permission.READ | Permission.WRITE}, True),
        ({"permissions": Permission.READ}, {"permissions": Permission.ADMIN}, True),
        ({"permissions": Permission.ADMIN}, {"permissions": Permission.READ}, False),
        ({"allowed_networks": "192.0.2.0/24"}, {"allowed_networks": ""}, True),
        ({"allowed_networks": "192.0.2.0/24"}, {"allowed_networks": "192.0.0.0/16"}, True),
        ({"allowed_networks": ""}, {"allowed_networks": "192.0.2.0/24"}, False),
        ({"allowed_networks": "192.0.2.0/24"}, {"allowed_networks": "192.0.2.7"}, False),
        ({}, {"name": "Other"}, False),
    ],
)
def test_widening_a_key_sends_an_email_and_narrowing_it_does_not(
    issue, owner, subjects, quiet, before, after, is_sent
):
    key, _raw = issue(**before)
    quiet()

    key.change(by=owner, now=timezone.now(), **after)

    assert subjects() == ['API key "Production API" got more access'] * is_sent


def test_the_reason_of_a_revocation_decides_nothing(issue, stranger, subjects, quiet):
    key, _raw = issue()
    quiet()

    key.revoke(by=stranger, now=timezone.now(), reason=REASON)

    assert subjects() == ['API key "Production API" was revoked']


@pytest.mark.parametrize("action", ["revoke", "notify"])
def test_reporting_a_key_sends_one_email(issue, call, subjects, quiet, settings, action):
    settings.LEAK_ACTION = action
    _key, raw = issue()
    quiet()

    for _ in range(2):
        call(None, "POST", "/v1/leaked-keys", {"keys": [raw]})

    assert subjects() == ['API key "Production API" was reported as leaked']
    body = mail.outbox[0].body
    assert "Reported through the API" in body
    assert ("It was revoked" in body) == (action == "revoke")
    assert secret_of(raw) not in body


def test_a_change_that_is_rolled_back_sends_no_email(issue, subjects):
    with transaction.atomic():
        issue()
        transaction.set_rollback(True)

    assert subjects() == []


@pytest.mark.parametrize("values", [{"is_active": False}, {"email": ""}])
@pytest.mark.parametrize("when", ["before", "after"])
def test_owners_without_an_address_and_closed_accounts_get_no_email(
    issue, owner, subjects, use, values, when
):
    key, _raw = issue(expires_at=timezone.now() + timedelta(days=1)) if when == "after" else (None, None)
    for name, value in values.items():
        setattr(owner, name, value)
    owner.save()
    if key is None:
        key, _raw = issue(expires_at=timezone.now() + timedelta(days=1))
    use(key)
    queue_due(timezone.now())

    assert subjects() == []
    assert not Notice.objects.waiting().exists()


def test_a_deleted_account_gets_no_email(issue, owner, subjects):
    issue()
    owner.delete()

    assert subjects() == []


def test_each_warning_of_expiry_is_sent_once(issue, subjects, quiet):
    start = timezone.now()
    issue(expires_at=start + timedelta(days=30))
    quiet()

    sent = {}
    for hours in range(0, 31 * 24, 6):
        queue_due(start + timedelta(hours=hours))
        if new := subjects():
            sent[30 - hours / 24] = len(new)

    assert sent == {14: 1, 7: 1, 1: 1}


def test_a_late_housekeeping_sends_one_warning(issue, subjects, quiet):
    expires_at = timezone.now() + timedelta(days=30)
    issue(expires_at=expires_at)
    quiet()

    for _ in range(3):
        queue_due(expires_at - timedelta(hours=5))

    assert subjects() == [f'API key "Production API" expires on {expires_at.strftime("%-d %B %Y")}']


def test_a_key_whose_expiry_is_moved_is_warned_of_again(issue, owner, subjects, quiet):
    now = timezone.now()
    key, _raw = issue(expires_at=now + timedelta(days=10))
    quiet()
    queue_due(now)
    key.change(by=owner, now=now, expires_at=now + timedelta(days=12))
    queue_due(now)

    assert len(subjects()) == 2


def test_a_revoked_key_is_not_warned_of(issue, owner, quiet):
    key, _raw = issue(expires_at=timezone.now() + timedelta(days=1))
    key.revoke(by=owner, now=timezone.now())
    quiet()

    assert queue_due(timezone.now()) == 0


@pytest.mark.parametrize(
    ("outcome", "subject"),
    [
        ("address", 'API key "Production API" was used from an IP address that isn\'t allowed'),
        ("revoked", 'API key "Production API" no longer works but is still in use'),
        ("expired", 'API key "Production API" no longer works but is still in use'),
    ],
)
def test_a_refused_key_sends_one_email_a_day(issue, subjects, quiet, use, outcome, subject):
    key, _raw = issue()
    quiet()
    noon = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)

    sent = {}
    for hours in range(0, 96, 2):
        now = noon + timedelta(hours=hours)
        if hours < 24:
            use(key, outcome, now)
        queue_due(now + timedelta(minutes=1))
        if new := subjects():
            assert "203.0.113.9" in mail.outbox[0].body
            sent[hours] = new

    # Used from noon to ten the next day: one email at noon, and one after each midnight about later use.
    assert sent == {0: [subject], 12: [subject], 36: [subject]}


def test_answered_calls_send_no_email(issue, quiet, use):
    key, _raw = issue()
    quiet()
    use(key, "answered")

    assert queue_due(timezone.now()) == 0


def test_old_use_sends_no_email(issue, quiet, use):
    key, _raw = issue()
    quiet()
    use(key, at=timezone.now() - timedelta(days=3))

    assert queue_due(timezone.now()) == 0


@pytest.mark.parametrize("choice", ["created", "rotated", "expiring", "ended_in_use"])
def test_emails_that_are_turned_off_are_not_sent_and_the_rest_are(issue, owner, subjects, use, choice):
    NoticeChoices.objects.create(user=owner, **{choice: False})
    key, _raw = issue(expires_at=timezone.now() + timedelta(days=1))
    queue_due(timezone.now())
    rotated(key, owner)
    use(key, "revoked")
    key.revoke(by=owner, now=timezone.now() + timedelta(seconds=1))
    queue_due(timezone.now())

    kinds = set(Notice.objects.values_list("kind", flat=True))
    assert {"created", "rotated", "expiring", "ended_in_use", "revoked"} - kinds == {choice}


def test_an_email_that_was_turned_off_while_it_waited_is_not_sent(issue, owner, subjects):
    issue()
    NoticeChoices.objects.create(user=owner, created=False)

    assert subjects() == []


def test_finished_emails_are_deleted_after_a_while_and_waiting_ones_are_not(issue, subjects):
    issue()
    subjects()
    issue()

    queue_due(timezone.now() + timedelta(days=91))

    assert Notice.objects.filter(sent_at=None).exists()
    assert not Notice.objects.exclude(sent_at=None).exists()


@pytest.mark.parametrize("due", ["expiring", "ended_in_use"])
def test_more_keys_cost_housekeeping_no_more_statements(issue, owner, quiet, use, due):
    NoticeChoices.objects.create(user=owner)
    expires_at = timezone.now() + timedelta(days=1) if due == "expiring" else None

    def statements(keys):
        for _ in range(keys):
            key, _raw = issue(expires_at=expires_at)
            use(key, "answered" if due == "expiring" else "revoked")
        quiet()
        with CaptureQueriesContext(connection) as captured:
            assert queue_due(timezone.now()) >= keys
        return len(captured)

    assert statements(2) == statements(10)


@pytest.mark.parametrize("due", ["expiring", "wrong_address"])
def test_no_statement_of_housekeeping_grows_with_the_keys(issue, quiet, use, monkeypatch, due):
    monkeypatch.setattr("apikeys.core.batches.PER_STATEMENT", 3)
    keys = [issue(expires_at=timezone.now() + timedelta(days=1))[0] for _ in range(20)]
    quiet()
    if due == "wrong_address":
        APIKey.objects.update(expires_at=None)
        for key in keys:
            use(key)

    with longest_statement() as parameters:
        assert queue_due(timezone.now()) == 20

    assert parameters[0] < 20


def test_a_bulk_revocation_costs_each_key_two_statements(issue):
    def statements(keys):
        for _ in range(keys):
            issue()
        with CaptureQueriesContext(connection) as captured:
            assert APIKey.objects.revoke(by=None, now=timezone.now()) == keys
        return len(captured)

    assert statements(12) - statements(2) == 2 * 10  # its event, and the email about it


def test_a_bulk_revocation_sends_an_email_for_each_key(issue, owner, subjects, quiet):
    for _ in range(3):
        issue()
    quiet()

    APIKey.objects.revoke(by=None, now=timezone.now())

    assert len(subjects()) == 3
