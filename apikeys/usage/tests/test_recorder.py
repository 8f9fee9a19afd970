from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone
from rest_framework.exceptions import APIException, ParseError

from apikeys.core.rates import Rate
from apikeys.models import APIKey, KeyUsage, Permission, Rotation
from apikeys.usage import recorder, reports
from chatbots import views
from testing.keys import forged
from testing.statements import longest_statement

pytestmark = pytest.mark.django_db

HERE = "127.0.0.1"


def counted(key):
    recorder.flush()
    return sorted(KeyUsage.objects.filter(key=key).values_list("outcome", "address", "count"))


def test_an_answered_call_is_counted_with_its_address(issue, call):
    key, raw = issue()

    call(raw)
    call(raw)
    call(raw, REMOTE_ADDR="2001:db8::7")

    assert counted(key) == [("answered", HERE, 2), ("answered", "2001:db8::7", 1)]


def test_counts_are_kept_by_the_hour(issue, call, monkeypatch):
    _key, raw = issue()
    for at in (7199, 7200, 7201):
        monkeypatch.setattr(recorder, "time", lambda at=at: float(at))
        call(raw)
    recorder.flush()

    rows = KeyUsage.objects.order_by("hour").values_list("hour", "count", "last_at")

    def hour(seconds):
        return datetime.fromtimestamp(seconds, UTC)

    assert list(rows) == [(hour(3600), 1, hour(7199)), (hour(7200), 2, hour(7201))]


def test_a_client_error_is_counted_as_such(issue, call):
    key, raw = issue()

    assert call(raw, "POST", body={}).status_code == 400
    assert call(raw, "PUT").status_code == 405

    assert counted(key) == [("client_error", HERE, 2)]


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (RuntimeError(), "server_error"),
        (DatabaseError(), "server_error"),
        (APIException(), "server_error"),
        (ParseError(), "client_error"),
    ],
)
def test_an_exception_in_a_view_is_counted_by_its_status(issue, call, monkeypatch, failure, outcome):
    def fail(*args, **kwargs):
        raise failure

    monkeypatch.setattr(views.ChatbotList, "get", fail)
    key, raw = issue()

    call(raw)

    assert counted(key) == [(outcome, HERE, 1)]


def test_refused_calls_are_counted_by_their_reason(issue, call):
    now = timezone.now()
    revoked, revoked_raw = issue()
    revoked.revoke(by=None, now=now)
    expired, expired_raw = issue(expires_at=now - timedelta(days=1))
    elsewhere, elsewhere_raw = issue(allowed_networks="192.0.2.1")
    reader, reader_raw = issue(permissions=Permission.READ)

    for raw in (revoked_raw, expired_raw, elsewhere_raw):
        call(raw)
    call(reader_raw, "POST", body={"name": "Bot"})

    assert counted(revoked) == [("revoked", HERE, 1)]
    assert counted(expired) == [("expired", HERE, 1)]
    assert counted(elsewhere) == [("address", HERE, 1)]
    assert counted(reader) == [("permission", HERE, 1)]


def test_forged_keys_and_keys_of_deactivated_owners_are_not_counted(issue, call, owner):
    key, raw = issue()
    other, _raw = issue()
    call(forged(key.key_id))
    call(None)
    owner.is_active = False
    owner.save()
    call(raw)

    assert counted(key) == counted(other) == []


def test_last_use_has_time_address_client_and_request(issue, call):
    key, raw = issue()
    before = timezone.now()

    call(raw, path="/v1/chatbots/7b5e1f0e-8f5c-4b71-9d4d-1f3c5e2c8a11?secret=1", HTTP_USER_AGENT="curl/8")
    recorder.flush()

    key.refresh_from_db()
    assert before <= key.last_used_at <= timezone.now()
    assert (key.last_used_ip, key.last_used_user_agent) == (HERE, "curl/8")
    assert (key.last_used_method, key.last_used_route) == ("GET", "/v1/chatbots/{chatbot_id}")


def test_a_key_in_the_user_agent_is_not_kept(issue, call):
    key, raw = issue()

    call(raw, HTTP_USER_AGENT=f"bot\0 {raw}\x1b[31m " + "x" * 500)
    recorder.flush()

    key.refresh_from_db()
    assert key.last_used_user_agent.startswith(f"bot wzc_{key.key_id}_…[31m xxx")
    assert len(key.last_used_user_agent) == 200


def test_a_long_method_is_truncated(issue, call):
    key, raw = issue()

    call(raw, "PROPFINDPROPFIND")
    recorder.flush()

    key.refresh_from_db()
    assert key.last_used_method == "PROPFINDPR"


def test_only_accepted_calls_are_a_use(issue, call):
    now = timezone.now()
    revoked, revoked_raw = issue()
    revoked.revoke(by=None, now=now)
    _expired, expired_raw = issue(expires_at=now - timedelta(days=1))
    _elsewhere, elsewhere_raw = issue(allowed_networks="192.0.2.1")
    for raw in (revoked_raw, expired_raw, elsewhere_raw):
        call(raw)
    recorder.flush()

    assert not APIKey.objects.exclude(last_used_at=None)


def test_a_call_that_lacks_the_permission_is_a_use(issue, call):
    key, raw = issue(permissions=Permission.WRITE)

    call(raw)
    recorder.flush()

    key.refresh_from_db()
    assert key.last_used_at is not None


def test_a_call_over_the_rate_limit_is_a_use(issue, call, settings):
    settings.RATE_LIMIT = Rate(1, 3600)
    key, raw = issue()
    call(raw)
    recorder.flush()
    key.refresh_from_db()
    first_use = key.last_used_at

    assert call(raw).status_code == 429
    recorder.flush()

    key.refresh_from_db()
    [caller] = reports.callers(key, timezone.now())
    assert key.last_used_at == caller.last_used_at > first_use


def test_last_use_never_goes_back(issue, call):
    key, raw = issue()
    later = timezone.now() + timedelta(hours=1)
    APIKey.objects.update(last_used_at=later, last_used_ip="192.0.2.9")

    call(raw)
    recorder.flush()

    key.refresh_from_db()
    assert (key.last_used_at, key.last_used_ip) == (later, "192.0.2.9")


def test_the_last_call_of_an_hour_never_goes_back(issue, call, monkeypatch):
    _key, raw = issue()
    for at in (7300, 7250):
        monkeypatch.setattr(recorder, "time", lambda at=at: float(at))
        call(raw)
        recorder.flush()

    row = KeyUsage.objects.get()
    assert (row.count, row.last_at) == (2, datetime.fromtimestamp(7300, UTC))


def test_recording_adds_no_query_to_the_request(issue, call, django_assert_num_queries):
    _key, raw = issue()
    call(raw)

    with django_assert_num_queries(2):  # the key, the chatbots
        call(raw)


def test_a_thousand_calls_at_once_count_a_thousand(issue, call):
    key, _raw = issue()
    row = recorder.Row(key.pk, 480_000, "answered", None)

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(lambda _: recorder.recorder.add(row, 480_000 * 3600.0), range(1000)))

    assert counted(key) == [("answered", "", 1000)]


def test_counts_of_two_processes_add_up(issue, call):
    key, _raw = issue()
    here, there = recorder.Recorder(), recorder.Recorder()
    row = recorder.Row(key.pk, 480_000, "answered", HERE)
    for process in (here, there, there):
        process.add(row, 480_000 * 3600.0)

    here.flush()
    there.flush()

    assert counted(key) == [("answered", HERE, 3)]


def test_a_failing_database_loses_no_count(issue, call, monkeypatch):
    key, raw = issue()
    call(raw)
    with monkeypatch.context() as patched:
        patched.setattr(KeyUsage._meta, "db_table", "there_is_no_such_table")
        with pytest.raises(DatabaseError):
            recorder.flush()
    call(raw)

    assert counted(key) == [("answered", HERE, 2)]
    key.refresh_from_db()
    assert key.last_used_at is not None


def test_counts_are_not_written_twice_when_only_the_last_use_fails(issue, call, monkeypatch):
    key, raw = issue()
    call(raw)
    with monkeypatch.context() as patched:
        patched.setattr(recorder.store, "set_last_uses", Mock(side_effect=DatabaseError))
        with pytest.raises(DatabaseError):
            recorder.flush()

    assert counted(key) == [("answered", HERE, 1)]
    key.refresh_from_db()
    assert key.last_used_at is not None


def test_once_a_new_keys_first_use_is_visible_the_old_ones_24_hours_run(issue, call, owner, monkeypatch):
    old, _raw = issue()
    _new, raw = old.rotate(by=owner, now=timezone.now(), overlap=None)
    call(raw)
    add_counts, running = recorder.store.add_counts, []

    def watched(counts):
        running.append(Rotation.objects.get(old=old).first_used_at is not None)
        add_counts(counts)

    monkeypatch.setattr(recorder.store, "add_counts", watched)
    recorder.flush()

    assert running == [True]


def test_counts_that_wait_for_the_database_are_bounded(issue, call, monkeypatch, caplog):
    key, raw = issue()
    monkeypatch.setattr(recorder, "MAX_PENDING", 2)
    for number in range(3):
        call(raw, REMOTE_ADDR=f"192.0.2.{number}")
    with monkeypatch.context() as patched:
        patched.setattr(KeyUsage._meta, "db_table", "there_is_no_such_table")
        with pytest.raises(DatabaseError):
            recorder.flush()

    assert len(counted(key)) == 2
    assert "dropped" in caplog.text


def test_counts_in_several_batches_are_all_written(issue, call, monkeypatch):
    key, raw = issue()
    monkeypatch.setattr(recorder.store, "ROWS_PER_BATCH", 2)
    for number in range(5):
        call(raw, REMOTE_ADDR=f"192.0.2.{number}")

    assert counted(key) == [("answered", f"192.0.2.{number}", 1) for number in range(5)]


def test_no_statement_grows_with_the_keys_that_are_used_for_the_first_time(issue, call, owner, monkeypatch):
    monkeypatch.setattr("apikeys.core.batches.PER_STATEMENT", 3)
    for _ in range(20):
        old, _raw = issue()
        _new, raw = old.rotate(by=owner, now=timezone.now(), overlap=None)
        call(raw)

    with longest_statement() as parameters:
        Rotation.note_first_uses(dict.fromkeys(APIKey.objects.values_list("pk", flat=True), timezone.now()))

    assert parameters[0] < 20
    assert not Rotation.objects.filter(first_used_at=None)


def test_a_deleted_key_loses_no_counts_of_other_keys(issue, call):
    gone, gone_raw = issue()
    key, raw = issue()
    call(gone_raw)
    call(raw)
    gone.delete()

    assert counted(key) == [("answered", HERE, 1)]
    assert KeyUsage.objects.count() == 1
    connection.check_constraints()


def test_a_hundred_addresses_are_told_apart_and_no_more(issue, call):
    key, raw = issue()
    for number in range(60):
        call(raw, REMOTE_ADDR=f"192.0.2.{number}")
    recorder.flush()
    for number in range(105):
        call(raw, REMOTE_ADDR=f"192.0.2.{number}")

    rows = counted(key)

    assert len(rows) == recorder.MAX_ADDRESSES + 1
    assert rows[0] == ("answered", "", 5)
    assert rows[1] == ("answered", "192.0.2.0", 2)


def test_a_call_from_an_unknown_address_is_counted_without_one(issue, call):
    key, raw = issue()

    call(raw, REMOTE_ADDR="")
    recorder.flush()

    assert counted(key) == [("answered", "", 1)]
    key.refresh_from_db()
    assert key.last_used_ip == ""


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # as gunicorn does
def test_a_forked_process_does_not_count_again_what_its_parent_has(issue, call):
    key, raw = issue()
    call(raw)

    child = os.fork()
    if child == 0:
        os._exit(len(recorder.recorder._counts))
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert counted(key) == [("answered", HERE, 1)]


def test_deleting_a_key_deletes_its_usage(issue, call, owner):
    _key, raw = issue()
    call(raw)
    recorder.flush()

    owner.delete()

    assert not KeyUsage.objects.exists()
