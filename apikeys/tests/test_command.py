from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO, StringIO, TextIOWrapper

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apikeys.models import APIKey, Permission
from apikeys.usage import recorder
from testing.commands import manage
from testing.keys import forged, id_of, secret_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(capsys, owner):
    def run(*arguments):
        call_command("apikey", *arguments)
        return capsys.readouterr()

    return run


CREATE = ("create", "--owner", "olga", "--name", "CI", "--permission", "read")
LOOKS_LIKE_A_KEY = f"wzc_{'0' * 12}_{'0' * 49}"


def test_create_prints_only_the_key_on_standard_output(run, call):
    printed = run(*CREATE)

    key = APIKey.objects.get()
    raw = printed.out.removesuffix("\n")
    assert id_of(raw) == key.key_id
    assert secret_of(raw) not in printed.err
    assert call(raw).status_code == 200


def test_create_takes_permissions_addresses_and_a_lifetime(run):
    before = timezone.now()
    run(
        *CREATE,
        "--permission",
        "write",
        "--allow-ip",
        "10.0.0.1/8, 192.0.2.7",
        "--allow-ip",
        "::1",
        "--expires-in",
        "90d",
    )

    key = APIKey.objects.get()
    assert key.granted == Permission.READ | Permission.WRITE
    assert key.networks == ["10.0.0.0/8", "192.0.2.7", "::1"]
    assert timedelta(0) <= key.expires_at - before - timedelta(days=90) < timedelta(minutes=1)
    assert key.created_by is None


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["create", "--owner", "nobody", "--name", "CI", "--permission", "read"], "nobody"),
        ([*CREATE, "--permission", "root"], "root"),
        (["create", "--owner", "olga", "--name", "CI"], "--permission"),
        (["create", "--owner", "olga", "--permission", "read"], "--name"),
        (["create", "--owner", "olga", "--name", " ", "--permission", "read"], "name"),
        (["create", "--owner", "olga", "--name", "x" * 81, "--permission", "read"], "80"),
        (["create", "--owner", "olga", "--name", "one\ntwo", "--permission", "read"], "control characters"),
        (["create", "--owner", "olga", "--name", "\u202egnp", "--permission", "read"], "direction of text"),
        (["create", "--owner", "olga", "--name", "\u200b", "--permission", "read"], "visible characters"),
        (
            ["create", "--owner", "olga", "--name", LOOKS_LIKE_A_KEY, "--permission", "read"],
            "looks like an API key",
        ),
        ([*CREATE, "--allow-ip", "10.0.0.0/33"], '"10.0.0.0/33" is not an IP address or range'),
        ([*CREATE, "--allow-ip", "192.0.2.7,here"], '"here" is not an IP address or range'),
        ([*CREATE, "--allow-ip", ""], '"" is not an IP address or range'),
        ([*CREATE, "--expires-in", "soon"], '"soon"'),
        ([*CREATE, "--expires-in", "0d"], '"0d"'),
        ([*CREATE, "--expires-in", "-1d"], "--expires-in"),
        ([*CREATE, "--expires-in", "9999999d"], "over 3,660 days"),
        (["revoke", "000000000000"], "000000000000"),
        (["revoke"], "ID"),
        (["list", "--owner", "nobody"], "nobody"),
        (["destroy"], "destroy"),
        ([], "create"),
    ],
)
def test_a_wrong_argument_is_named_and_changes_nothing(run, arguments, named):
    with pytest.raises(CommandError) as caught:
        run(*arguments)

    assert named in str(caught.value)
    assert not APIKey.objects.exists()


def test_list_shows_every_key_and_no_secret(run, issue, stranger):
    key, raw = issue(name="Mine\x1b[2J", allowed_networks="10.0.0.0/8\n::1")
    issue(owner=stranger, name="Theirs")

    everyone = run("list").out
    own = run("list", "--owner", "olga").out

    assert key.key_id in own
    assert "read,write,admin  2  " in own
    assert "never" in own
    assert "Theirs" in everyone
    assert "Theirs" not in own
    assert "\x1b" not in own
    assert secret_of(raw) not in everyone
    assert "argon2" not in everyone


def test_list_without_keys_is_empty(run):
    printed = run("list")

    assert (printed.out, printed.err) == ("", "0 keys\n")


@pytest.mark.parametrize("form", ["{}", "wzc_{}_…", "wzc_{}"])
def test_revoke_stops_a_key_and_says_so(run, issue, call, form):
    key, raw = issue()

    assert key.masked in run("revoke", form.format(key.key_id)).err
    assert call(raw).json()["error"]["message"] == "API key has been revoked"
    assert "already revoked" in run("revoke", key.key_id).err


@pytest.mark.parametrize("stated", ["2026-03-01T12:00", "2026-03-01T13:00+01:00", "2026-03-01 12:00:00Z"])
def test_all_keys_made_before_a_time_stop_and_later_ones_do_not(run, issue, call, stated, monkeypatch):
    monkeypatch.setattr("apikeys.core.batches.PER_STATEMENT", 2)
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    old = [issue(now=moment - timedelta(seconds=seconds)) for seconds in (1, 60, 3600)]
    _key, revoked_before = issue(now=moment - timedelta(days=1))
    _key.revoke(by=None, now=moment)
    _key, young = issue(now=moment)

    told = run("revoke", "--all-created-before", stated)

    assert told.err == "Revoked 3 keys.\n"
    assert {call(raw).json()["error"]["message"] for _key, raw in old} == {"API key has been revoked"}
    assert call(young).status_code == 200
    assert [key.events.filter(action="revoked").count() for key, _raw in old] == [1, 1, 1]
    assert call(revoked_before).status_code == 401
    assert "Revoked 0 keys." in run("revoke", "--all-created-before", stated).err


@pytest.mark.parametrize("stated", ["yesterday", "2026-13-01", "0001-01-01T00:00+23:00", ""])
def test_an_invalid_time_revokes_nothing(run, issue, call, stated):
    _key, raw = issue()

    with pytest.raises(CommandError, match="is not a time"):
        run("revoke", "--all-created-before", stated)

    assert call(raw).status_code == 200


def test_an_id_and_a_time_together_revoke_nothing(run, issue, call):
    key, raw = issue()

    with pytest.raises(CommandError, match="not allowed with"):
        run("revoke", key.key_id, "--all-created-before", "2030-01-01")

    assert call(raw).status_code == 200


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(["apikey", "create"], 2), (["apikey", "revoke", b"\xff"], 2), (["apikey", "nonsense"], 2)],
)
def test_on_the_command_line_a_mistake_is_one_message_and_no_traceback(arguments, status):
    done = manage(*arguments)

    assert done.returncode == status
    assert "error:" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_key_is_shown_with_its_state_use_and_addresses(issue, capsys, call):
    key, raw = issue(name="Café", allowed_networks="127.0.0.0/8\n10.0.0.1")
    call(raw)
    recorder.flush()

    call_command("apikey", "show", key.key_id)
    lines = capsys.readouterr().out.splitlines()
    call_command("apikey", "show", f"wzc_{key.key_id}_…", "--json")
    shown = json.loads(capsys.readouterr().out)

    assert {"state: active", "allowed_ips: 127.0.0.0/8, 10.0.0.1", "calls_24h: 1", "owner: olga"} <= {*lines}
    assert (shown["id"], shown["name"], shown["calls_24h"]) == (key.key_id, "Café", 1)


def test_the_list_can_be_json(issue, capsys):
    key, raw = issue()

    call_command("apikey", "list", "--json")

    out = capsys.readouterr().out
    assert [one["id"] for one in json.loads(out)] == [key.key_id]
    assert secret_of(raw) not in out


def test_the_list_as_json_costs_the_same_statements_for_more_keys(run, issue, call):
    def statements(keys):
        for _ in range(keys):
            _key, raw = issue()
            call(raw)
        recorder.flush()
        with CaptureQueriesContext(connection) as captured:
            listed = json.loads(run("list", "--json").out)
        assert {one["calls_24h"] for one in listed} == {1}
        return len(captured)

    assert statements(2) == statements(8)


def test_rotating_prints_only_the_new_key(issue, capsys, call):
    key, raw = issue()

    call_command("apikey", "rotate", key.key_id, "--overlap", "0")

    printed = capsys.readouterr()
    assert call(printed.out.strip()).status_code == 200
    assert printed.out.strip() not in printed.err
    assert call(raw).status_code == 401


@pytest.mark.parametrize("overlap", ["8d", "-1", "x", "", "1"])
def test_a_wrong_overlap_changes_nothing(issue, overlap):
    key, _raw = issue()

    with pytest.raises(CommandError):
        call_command("apikey", "rotate", key.key_id, "--overlap", overlap)

    assert APIKey.objects.count() == 1


def test_a_key_can_be_rotated_only_once_and_not_after_its_end(issue):
    key, _raw = issue()
    call_command("apikey", "rotate", key.key_id)
    for state in ("was already rotated", "revoked or expired"):
        with pytest.raises(CommandError, match=state):
            call_command("apikey", "rotate", key.key_id)
        key, _raw = issue()
        key.revoke(by=None, now=key.created_at)


def test_whose_names_the_owner_of_a_key_on_standard_input(issue, capsys, monkeypatch):
    key, raw = issue()
    monkeypatch.setattr("sys.stdin", StringIO(f"{raw}\n"))

    call_command("apikey", "whose")

    out = capsys.readouterr().out
    assert out.split() == [key.key_id, "olga", "active"]


@pytest.mark.parametrize(
    "given", [b"", b"nonsense", b"wzc_000000000000_x", b"\xff\xfewzc", b"\0" * 5_000_000]
)
def test_whose_accepts_only_a_key(db, monkeypatch, given):
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(given), "utf-8"))

    with pytest.raises(CommandError, match="no API key"):
        call_command("apikey", "whose")


def test_whose_says_that_a_secret_is_forged(issue, monkeypatch):
    key, _raw = issue()
    monkeypatch.setattr("sys.stdin", StringIO(forged(key.key_id)))

    with pytest.raises(CommandError, match="secret is wrong"):
        call_command("apikey", "whose")
