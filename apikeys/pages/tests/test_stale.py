"""A stale page doesn't undo changes made on another one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from apikeys.models import Permission


@pytest.fixture
def key(issue):
    return issue(Permission.READ | Permission.WRITE | Permission.ADMIN)[0]


@pytest.fixture
def path(key):
    return f"/settings/api/{key.key_id}/"


def test_a_new_name_from_a_stale_page_widens_nothing(web, read, send, key, path):
    stale = read(web.get(path)).fields
    send(path, permissions=["read"], allowed_networks="10.0.0.0/8")

    web.post(path, stale | {"name": "Renamed"})

    key.refresh_from_db()
    assert (key.name, key.granted, key.networks) == ("Renamed", Permission.READ, ["10.0.0.0/8"])
    assert "Permissions" in web.get(path).content.decode()


def test_the_same_field_changed_on_two_pages_is_a_mistake_first(web, read, send, key, path):
    stale = read(web.get(path)).fields
    send(path, permissions=["read", "write"])

    response = web.post(path, stale | {"permissions": ["read", "admin"]})

    key.refresh_from_db()
    assert key.granted == Permission.READ | Permission.WRITE
    assert b"changed on another page" in response.content
    again = read(response).fields
    assert again["permissions"] == ["read", "admin"]
    web.post(path, again)
    key.refresh_from_db()
    assert key.granted == Permission.READ | Permission.ADMIN


def test_an_expiry_set_on_a_stale_page_is_a_mistake_first(web, read, send, key, path):
    stale = read(web.get(path)).fields
    send(path, expires="30")
    key.refresh_from_db()
    shortened = key.expires_at

    response = web.post(path, stale | {"expires": "never"})

    key.refresh_from_db()
    assert key.expires_at == shortened
    assert b"changed on another page" in response.content


def test_an_expiry_set_on_a_page_from_before_a_rotation_changes_nothing(web, read, key, owner, path):
    stale = read(web.get(path)).fields
    key.rotate(by=owner, now=timezone.now(), overlap=timedelta(days=1))
    key.refresh_from_db()
    rotation_end = key.expires_at

    answer = web.post(path, stale | {"name": "Renamed", "expires": "never"}, follow=True)

    key.refresh_from_db()
    assert (key.name, key.expires_at) == ("Renamed", rotation_end)
    assert "Kept changes made on another page: Expires." in answer.text


def test_a_list_that_is_far_too_long_is_refused_without_reading_it(send, monkeypatch, path):
    monkeypatch.setattr("apikeys.core.networks.parse_network", pytest.fail)

    response = send(path, allowed_networks="x\n" * 40_000)

    assert b"The list is too long" in response.content
    assert response.content.count(b"not an IP address") == 0


def test_allowing_a_caller_keeps_what_was_typed_and_saves_nothing(web, read, key, path):
    typed = read(web.get(path)).fields | {"name": "Typed", "allowed_networks": "8.8.8.8"}

    fields = read(web.post(path, typed | {"allow": "203.0.113.7"})).fields

    assert (fields["name"], fields["allowed_networks"]) == ("Typed", "8.8.8.8\n203.0.113.7")
    key.refresh_from_db()
    assert (key.name, key.networks) == ("Production API", [])
    assert 'id="settings-form"' in web.get(path).content.decode()
