from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from apikeys.core.outcomes import COUNTED
from apikeys.models import KeyUsage
from apikeys.usage import reports
from apikeys.usage.reports import Callers, Refusal, Share
from testing.statements import longest_statement

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 10, 14, 35, tzinfo=UTC)
HERE, THERE = "192.0.2.1", "2001:db8::1"


@pytest.fixture
def use():
    """Store that a key was called ``ago`` before now."""

    def store(key, ago=timedelta(), outcome="answered", address=HERE, count=1):
        at = NOW - ago
        hour = at.replace(minute=0, second=0, microsecond=0)
        KeyUsage.objects.create(key=key, hour=hour, outcome=outcome, address=address, count=count, last_at=at)

    return store


def test_the_last_24_hours_end_with_this_one(issue, use):
    key, _ = issue()
    use(key, count=2)
    use(key, address=THERE, count=3)
    use(key, timedelta(hours=1), outcome="client_error", count=7)
    use(key, timedelta(hours=23), count=4)
    use(key, timedelta(hours=24), count=100)

    assert reports.last_day([key], NOW)[key.pk].hours == [4] + [0] * 21 + [7, 5]


def test_an_outcome_that_a_newer_release_stored_is_left_out(issue, use):
    key, _ = issue()
    use(key)
    use(key, outcome="from_later")

    assert reports.daily(key, NOW)[-1].total == 1
    assert [caller.total for caller in reports.callers(key, NOW)] == [1]
    assert reports.refused(key, NOW) == []


def test_calls_that_authentication_refused_are_not_in_the_bars(issue, use):
    key, _ = issue()
    for outcome in ("revoked", "expired", "address"):
        use(key, outcome=outcome)
    use(key, outcome="permission")

    assert reports.last_day([key], NOW)[key.pk].hours[-1] == 1


def test_a_page_of_keys_costs_one_query(issue, use, django_assert_num_queries):
    keys = [issue(name=f"Key {number}")[0] for number in range(5)]
    for key in keys[:3]:
        use(key)

    with django_assert_num_queries(1):
        calls = reports.calls_in_last_24_hours(keys, NOW)

    assert [calls[key.pk] for key in keys] == [1, 1, 1, 0, 0]


def test_more_keys_than_one_statement_takes_are_all_counted(issue, use, monkeypatch):
    monkeypatch.setattr("apikeys.core.batches.PER_STATEMENT", 3)
    keys = [issue()[0] for _ in range(20)]
    for key in keys:
        use(key)

    with longest_statement() as parameters:
        calls = reports.calls_in_last_24_hours(keys, NOW)

    assert parameters[0] < 20
    assert calls == {key.pk: 1 for key in keys}


def test_days_are_whole_days_with_their_outcomes(issue, use):
    key, _ = issue()
    other, _ = issue()
    use(other)
    use(key, count=6)
    use(key, timedelta(hours=14), outcome="client_error")  # 00:35 of the same day
    use(key, timedelta(hours=15), outcome="address", address=THERE, count=2)
    use(key, timedelta(days=29, hours=14), outcome="server_error")
    use(key, timedelta(days=30), count=50)

    days = reports.daily(key, NOW)

    assert [days[0].date, days[-1].date, len(days)] == [date(2026, 2, 9), date(2026, 3, 10), 30]
    assert [(d.total, d.answered, d.refused, d.failed) for d in (days[0], days[-2], days[-1])] == [
        (1, 0, 0, 1),
        (2, 0, 2, 0),
        (7, 6, 0, 1),
    ]
    assert reports.shares(days) == [
        Share("Answered", 6, 60.0),
        Share("Client error", 1, 10.0),
        Share("Server error", 1, 10.0),
        Share("Address not allowed", 2, 20.0),
    ]


def test_a_key_that_was_never_used_has_empty_days(issue):
    key, _ = issue()

    days = reports.daily(key, NOW)

    assert {day.total for day in days} == {0}
    assert reports.shares(days) == []


def test_recent_callers_are_the_busiest_first(issue, use):
    key, _ = issue()
    use(key, timedelta(minutes=3), address=THERE, count=3)
    use(key, timedelta(hours=2), count=210, outcome="client_error")
    use(key, timedelta(hours=3), address="", count=1)
    use(key, timedelta(hours=1), outcome="address", address="203.0.113.9", count=9)
    use(key, timedelta(hours=25), count=1000)

    assert reports.recent_callers(key, NOW) == Callers(
        214, [(HERE, 210), (THERE, 3), ("", 1)], NOW - timedelta(minutes=3)
    )


def test_a_key_without_calls_has_no_callers(issue):
    key, _ = issue()

    assert reports.recent_callers(key, NOW) == Callers(0, [], None)


def test_refused_calls_show_reason_and_address(issue, use):
    key, _ = issue()
    use(key, timedelta(hours=2), outcome="revoked", count=2)
    use(key, timedelta(hours=1), outcome="revoked", count=3)
    use(key, timedelta(hours=5), outcome="permission", address=THERE)
    use(key)
    use(key, timedelta(days=31), outcome="expired")

    assert reports.refused(key, NOW) == [
        Refusal("Revoked", HERE, 5, NOW - timedelta(hours=1)),
        Refusal("Missing permission", THERE, 1, NOW - timedelta(hours=5)),
    ]


def test_pruning_deletes_old_usage_and_keeps_the_rest(issue, use, capsys, monkeypatch):
    monkeypatch.setattr("apikeys.chores.USAGE_ROWS_PER_TRANSACTION", 2)
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    key, _ = issue()
    for days in (89, 91, 92, 93, 400, 401):
        use(key, timedelta(days=days))

    call_command("prune_usage", days=90)
    assert KeyUsage.objects.count() == 1

    call_command("prune_usage", "--days", "10")
    assert KeyUsage.objects.count() == 0
    assert "Deleted 5 rows of usage older than 90 days" in capsys.readouterr().err


@pytest.mark.parametrize("days", ["0", "-1", "x", "1.5", "", "999999"])
def test_pruning_refuses_an_invalid_number_of_days(days):
    with pytest.raises(CommandError, match="not a number of days"):
        call_command("prune_usage", "--days", days)


def test_every_outcome_that_is_counted_fits_into_its_column():
    column = KeyUsage._meta.get_field("outcome")

    assert max(len(outcome) for outcome in COUNTED) <= column.max_length
