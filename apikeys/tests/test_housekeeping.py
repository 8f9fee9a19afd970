"""The housekeeping that cron runs once a day."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from apikeys import chores
from apikeys.models import APIKey, KeyEvent, KeyUsage, Origin
from chatbots import chores as chatbot_chores
from chatbots.models import Chatbot

YEAR = timedelta(days=365)


def housekeeping(*arguments):
    call_command("housekeeping", *arguments, stderr=(told := StringIO()))
    return told.getvalue()


@pytest.fixture
def aged(issue):
    """Create keys that ended a little more, and a little less, than a year ago, and a live one."""
    now = timezone.now()
    ends = {"old": now - YEAR - timedelta(hours=1), "recent": now - YEAR + timedelta(hours=1)}
    for age, moment in ends.items():
        issue(name=f"{age} revoked")[0].revoke(by=None, now=moment)
        issue(name=f"{age} expired", expires_at=moment)
    issue(name="alive", expires_at=now + YEAR, now=now - 3 * YEAR)
    issue(name="for ever", now=now - 3 * YEAR)


def names():
    return set(APIKey.objects.values_list("name", flat=True))


KEPT = {"recent revoked", "recent expired", "alive", "for ever"}


@pytest.mark.django_db
def test_keys_that_ended_over_a_year_ago_are_deleted_with_their_events(aged):
    told = housekeeping()

    assert names() == KEPT
    assert set(KeyEvent.objects.values_list("key__name", flat=True)) == KEPT
    assert "2 keys" in told


@pytest.mark.django_db
def test_a_second_run_changes_nothing(aged):
    housekeeping()

    assert "0 keys" in housekeeping()
    assert names() == KEPT


@pytest.mark.django_db
def test_batches_leave_nothing_behind(aged, monkeypatch):
    monkeypatch.setattr(chores, "KEYS_PER_TRANSACTION", 1)

    assert "2 keys" in housekeeping()
    assert names() == KEPT


@pytest.mark.django_db
def test_a_successor_outlives_its_predecessor(issue):
    key, _raw = issue()
    successor, _raw = key.rotate(by=None, now=timezone.now(), overlap=timedelta(0))
    APIKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now() - 2 * YEAR)

    housekeeping()

    assert APIKey.objects.get().pk == successor.pk


@pytest.mark.django_db
def test_a_cascade_reaches_past_keys_that_ended_long_ago(issue, owner):
    now = timezone.now()
    root, _raw = issue()
    made, _raw = issue(origin=Origin(key=root))
    successor, _raw = made.rotate(by=owner, now=now, overlap=timedelta(0))
    last, _raw = issue(origin=Origin(key=successor))
    APIKey.objects.filter(pk__in=[made.pk, successor.pk]).update(revoked_at=now - 2 * YEAR)

    housekeeping()
    root.revoke_with_descendants(by=owner, now=now)

    last.refresh_from_db()
    assert last.revoked_at is not None


@pytest.mark.django_db
def test_a_chain_of_ended_keys_is_deleted_from_both_ends(issue, owner):
    now = timezone.now()
    root, _raw = issue()
    made, _raw = issue(origin=Origin(key=root))
    _last, _raw = issue(origin=Origin(key=made))
    APIKey.objects.update(revoked_at=now - 2 * YEAR)

    assert "3 keys" in housekeeping()


@pytest.mark.django_db
def test_old_usage_and_expired_sessions_are_deleted(issue):
    key, _raw = issue()
    now = timezone.now()
    for days in (91, 89):
        at = now - timedelta(days=days)
        KeyUsage.objects.create(key=key, hour=at, outcome="answered", address="", count=1, last_at=at)
    for seconds in (-1, 60):
        session = SessionStore()
        session.set_expiry(now + timedelta(seconds=seconds))
        session.create()

    housekeeping()

    assert KeyUsage.objects.count() == 1
    assert Session.objects.count() == 1


@pytest.mark.django_db
def test_a_session_that_has_ended_is_no_longer_listed(owner):
    for key in ("signed out", "expired", "alive"):
        UserSession.objects.create(user=owner, session_key=key, ip="127.0.0.1", user_agent=key)
    for key, seconds in (("expired", -1), ("alive", 60)):
        Session.objects.create(pk=key, expire_date=timezone.now() + timedelta(seconds=seconds))

    told = housekeeping()

    assert "2 sessions that have ended" in told
    assert [listed.user_agent for listed in UserSession.objects.all()] == ["alive"]


@pytest.mark.django_db
def test_the_number_of_days_can_be_chosen(aged):
    housekeeping("--keys-days", "300")

    assert names() == {"alive", "for ever"}


@pytest.mark.django_db
@pytest.mark.parametrize("days", ["0", "-1", "x", "1.5"])
def test_a_bad_number_changes_nothing(aged, days):
    with pytest.raises(CommandError, match="days"):
        housekeeping("--keys-days", days)

    assert len(names()) == 6


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_do_no_harm(aged, monkeypatch):
    monkeypatch.setattr(chores, "KEYS_PER_TRANSACTION", 1)

    def run(_):
        try:
            return housekeeping()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(run, range(4)))

    assert names() == KEPT


@pytest.fixture
def queries(owner):
    """Two chatbots, each with queries of several ages."""
    for name in ("Support", "Sales"):
        chatbot = owner.chatbots.create(name=name)
        for days in (1, 29, 31, 400, 4000):
            at = timezone.now() - timedelta(days=days)
            chatbot.queries.create(message=f"{days}", answer="No idea.", created_at=at)
    return lambda: sorted(int(text) for text in Chatbot.objects.values_list("queries__message", flat=True))


@pytest.mark.django_db
def test_queries_are_kept_by_default(queries):
    told = housekeeping()

    assert queries() == [1, 1, 29, 29, 31, 31, 400, 400, 4000, 4000]
    assert "queries" not in told


@pytest.mark.django_db
@pytest.mark.parametrize("batch_size", [1, 2, 1000])
def test_old_queries_of_every_chatbot_are_deleted_in_batches(queries, batch_size, monkeypatch):
    monkeypatch.setattr(chatbot_chores, "QUERIES_PER_TRANSACTION", batch_size)

    assert "Deleted 6 queries older than 30 days." in housekeeping("--queries-days", "30")
    assert queries() == [1, 1, 29, 29]
    assert "Deleted 0 queries" in housekeeping("--queries-days", "30")


@pytest.mark.django_db
@pytest.mark.parametrize("days", ["0", "-1", "x", "1.5", "", "100000"])
def test_a_bad_number_of_days_deletes_no_queries(queries, days):
    with pytest.raises(CommandError, match="is not a number of days from 1 to 99999"):
        housekeeping(f"--queries-days={days}")

    assert len(queries()) == 10


@pytest.mark.django_db(transaction=True)
def test_queries_are_deleted_by_several_runs_at_once_while_messages_arrive(queries, monkeypatch):
    monkeypatch.setattr(chatbot_chores, "QUERIES_PER_TRANSACTION", 1)
    chatbot = Chatbot.objects.first()

    def run(number):
        try:
            if number % 2:
                return chatbot_chores.delete_queries_before(timezone.now() - timedelta(days=30))
            return chatbot.queries.create(message="0", answer="No idea.")
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(run, range(6)))

    assert queries() == [0, 0, 0, 1, 1, 29, 29]
