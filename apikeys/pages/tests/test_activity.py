"""The activity page."""

from __future__ import annotations

import csv
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apikeys.models import KeyEvent, Origin, Permission
from testing.keys import secret_of

ACTIVITY = "/settings/api/activity/"


def lines_of(response):
    return list(csv.DictReader(b"".join(response.streaming_content).decode().splitlines()))


def test_without_a_session_nothing_is_shown(db):
    assert Client().get(ACTIVITY).url.startswith("/accounts/login/")
    assert Client().get(ACTIVITY, {"format": "csv"}).url.startswith("/accounts/login/")


def test_events_of_another_owner_are_on_no_page_and_in_no_file(web, issue, stranger):
    key, _raw = issue(owner=stranger, by=stranger, name="Not mine")

    for query in ({}, {"key": key.key_id}, {"key": "Not mine"}):
        assert key.masked not in web.get(ACTIVITY, query).content.decode()
        assert lines_of(web.get(ACTIVITY, query | {"format": "csv"})) == []


def test_an_event_shows_actor_address_key_and_changes(web, issue, owner):
    key, _raw = issue(Permission.READ | Permission.WRITE)
    key.change(by=owner, now=timezone.now(), origin=Origin("203.0.113.7"), permissions=Permission.READ)

    html = web.get(ACTIVITY).content.decode()

    for said in ("Changed", "olga", "203.0.113.7", key.masked, "Permissions: Read, Write → Read"):
        assert said in html
    assert html.index("Changed") < html.rindex("Created")


@pytest.mark.parametrize("path", ["activity/", "activity/?format=csv", "{}/"])
def test_events_are_read_without_the_owner_whom_no_page_shows(web, issue, path):
    key, _raw = issue()

    with CaptureQueriesContext(connection) as captured:
        response = web.get("/settings/api/" + path.format(key.key_id))
        assert response.getvalue() if response.streaming else response.content

    [read] = [
        one["sql"] for one in captured if "apikeys_keyevent" in one["sql"] and "COUNT" not in one["sql"]
    ]
    assert "auth_user" not in read


def test_a_time_within_a_change_is_one_on_pages_and_plain_in_the_file(web, issue, owner):
    key, _raw = issue()
    at = datetime(2030, 12, 9, 7, 35, tzinfo=UTC)
    key.change(by=owner, now=timezone.now(), expires_at=at)

    time = '<time datetime="2030-12-09T07:35:00Z" data-at="full">9 December 2030, 07:35 UTC</time>'
    for page in (ACTIVITY, f"/settings/api/{key.key_id}/"):
        assert f"Expires: never → {time}" in web.get(page).text
    [changed, _created] = lines_of(web.get(ACTIVITY, {"format": "csv"}))
    assert changed["Details"] == "Expires: never → 9 December 2030, 07:35 UTC"


def test_of_a_long_list_pages_show_the_first_addresses_and_the_file_shows_all(web, issue, owner):
    key, _raw = issue()
    addresses = [f"192.0.2.{number}" for number in range(1, 9)]
    key.change(by=owner, now=timezone.now(), allowed_networks="\n".join(addresses))

    shown = f"Allowed IP addresses: any address → {', '.join(addresses[:5])} and 3 more"
    for page in (ACTIVITY, f"/settings/api/{key.key_id}/"):
        assert shown in web.get(page).text
        assert ", ".join(addresses) not in web.get(page).text
    assert ", ".join(addresses) in lines_of(web.get(ACTIVITY, {"format": "csv"}))[0]["Details"]


def test_events_are_filtered_by_key_and_action(web, issue, owner):
    one, _raw = issue(name="One")
    issue(name="Two")
    one.revoke(by=owner, now=timezone.now())

    for query, expected in (
        ({"key": one.key_id}, {("Revoked", "One"), ("Created", "One")}),
        ({"action": "created"}, {("Created", "One"), ("Created", "Two")}),
        ({"key": "One", "action": "revoked"}, {("Revoked", "One")}),
        (
            {"key": "x" * 500, "action": "nonsense"},
            {("Revoked", "One"), ("Created", "One"), ("Created", "Two")},
        ),
    ):
        lines = lines_of(web.get(ACTIVITY, query | {"format": "csv"}))
        assert {(line["Action"], line["Key"]) for line in lines} == expected


def test_a_whole_key_in_the_filter_is_in_no_url(web, issue):
    key, raw = issue()

    response = web.get(ACTIVITY, {"key": raw})

    assert response.status_code == 302
    assert key.key_id in response.url
    assert secret_of(raw) not in response.url


def test_a_file_is_offered_only_when_there_is_something_in_it(web, issue):
    assert "Download CSV" not in web.get(ACTIVITY).text

    issue()

    assert "Download CSV" in web.get(ACTIVITY).text
    assert "Download CSV" not in web.get(ACTIVITY, {"action": "revoked"}).text


@pytest.mark.parametrize("first", ["=", "+", "-", "@"])
def test_no_cell_is_a_formula(web, issue, first):
    issue(name=f'{first}HYPERLINK("http://evil.example")')

    [line] = lines_of(web.get(ACTIVITY, {"format": "csv"}))

    assert line["Key"] == f'\'{first}HYPERLINK("http://evil.example")'


@pytest.mark.parametrize("name", ["x;=1+1", "x; =1+1", "a;b;@SUM(1)", "＝1+1"])
def test_no_part_of_a_cell_is_a_formula_where_a_semicolon_starts_a_cell(web, issue, name):
    issue(name=name)

    text = b"".join(web.get(ACTIVITY, {"format": "csv"}).streaming_content).decode()

    [row] = list(csv.reader(text.splitlines()[1:], delimiter=";"))
    assert not [cell for cell in row if cell.strip().startswith(("=", "@", "＝"))]
    assert name in text.replace("'", "")


def test_an_event_can_be_neither_changed_nor_deleted(issue):
    key, _raw = issue()
    event = key.events.get()

    event.actor_name = "somebody else"
    with pytest.raises(TypeError, match="append-only"):
        event.save()
    with pytest.raises(TypeError, match="append-only"):
        event.delete()
    for events in (KeyEvent.objects.all(), key.events.all()):
        for write in (
            lambda events=events: events.update(actor_name="somebody else"),
            lambda events=events: events.bulk_update([event], ["actor_name"]),
            events.delete,
        ):
            with pytest.raises(TypeError, match="append-only"), transaction.atomic():
                write()
    assert key.events.get().actor_name == "olga"
