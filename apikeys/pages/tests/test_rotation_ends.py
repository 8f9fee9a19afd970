"""Finishing and cancelling a rotation."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from apikeys.models import APIKey, KeyUsage, Rotation
from apikeys.pages import rotation_ends


@pytest.fixture
def pair(issue, owner):
    old, old_raw = issue(expires_at=timezone.now() + timedelta(days=90))
    new, new_raw = old.rotate(by=owner, now=timezone.now(), overlap=timedelta(days=1))
    return old, old_raw, new, new_raw


def page_of(key, subpage=""):
    return f"/settings/api/{key.key_id}/{subpage}"


def message_to(call, raw):
    response = call(raw)
    return response.status_code == 200 or response.json()["error"]["message"]


@pytest.mark.parametrize("end", ["finish", "cancel"])
def test_a_stranger_ends_no_rotation(stranger_web, pair, end):
    old, _, new, _ = pair
    for key in (old, new):
        for send in (stranger_web.get, stranger_web.post):
            assert send(page_of(key, f"rotate/{end}/")).status_code == 404
        assert Client().post(page_of(key, f"rotate/{end}/")).url.startswith("/accounts/login/")

    assert Rotation.objects.count() == 1
    assert not APIKey.objects.exclude(revoked_at=None).exists()


@pytest.mark.parametrize("end", ["finish", "cancel"])
def test_viewing_a_confirmation_page_ends_nothing(web, pair, end):
    old, _, new, _ = pair
    for key in (old, new):
        assert web.get(page_of(key, f"rotate/{end}/")).status_code == 200

    assert Rotation.objects.count() == 1
    assert not APIKey.objects.exclude(revoked_at=None).exists()


@pytest.mark.parametrize("asked_of", ["old", "new"])
def test_finishing_revokes_the_old_key(web, call, pair, asked_of):
    old, old_raw, new, new_raw = pair

    response = web.post(page_of(old if asked_of == "old" else new, "rotate/finish/"))

    assert response.url == page_of(new)
    assert message_to(call, old_raw) == "API key has been revoked"
    assert message_to(call, new_raw) is True


def test_cancelling_revokes_the_new_key_and_restores_the_old_ones_expiry(web, call, pair):
    old, old_raw, _new, new_raw = pair
    before = old.expires_at

    response = web.post(page_of(old, "rotate/cancel/"))

    assert response.url == page_of(old)
    old.refresh_from_db()
    assert old.expires_at == before
    assert message_to(call, old_raw) is True
    assert message_to(call, new_raw) == "API key has been revoked"


@pytest.mark.parametrize("end", ["finish", "cancel"])
def test_a_rotation_that_is_over_is_not_ended_again(web, pair, end):
    old, _, new, _ = pair
    web.post(page_of(old, "rotate/finish/"))
    new.refresh_from_db()

    web.post(page_of(old, f"rotate/{end}/"))

    new.refresh_from_db()
    assert new.revoked_at is None
    assert old.events.filter(action="rotation_finished").count() == 1


def test_both_pages_name_who_has_switched_and_who_has_not(web, pair):
    old, _, new, _ = pair
    now = timezone.now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    for key, address in ((old, "203.0.113.7"), (new, "203.0.113.8")):
        KeyUsage.objects.create(key=key, hour=hour, outcome="answered", address=address, count=1, last_at=now)

    for key in (old, new):
        html = web.get(page_of(key)).content.decode()
        for said in ("203.0.113.7", "203.0.113.8", "Finish rotation", "Cancel rotation"):
            assert said in html


@pytest.mark.django_db(transaction=True)
def test_finishing_and_cancelling_at_once_end_in_one_of_the_two_states(owner, pair, monkeypatch):
    old, _, new, _ = pair
    before = old.expires_at
    gate = threading.Barrier(2)
    find = rotation_ends.find

    def find_together(*args):
        found = find(*args)
        gate.wait(timeout=30)
        return found

    monkeypatch.setattr(rotation_ends, "find", find_together)

    def end(verb):
        try:
            client = Client()
            client.force_login(owner)
            client.post(page_of(old, f"rotate/{verb}/"))
        finally:
            connection.close()

    threads = [threading.Thread(target=end, args=[verb]) for verb in ("finish", "cancel")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    old.refresh_from_db()
    new.refresh_from_db()
    finished = old.revoked_at is not None and new.revoked_at is None
    cancelled = old.revoked_at is None and new.revoked_at is not None and old.expires_at == before
    assert finished != cancelled


def test_in_a_chain_a_page_ends_the_rotation_that_it_asked_about(web, read, pair, owner):
    old, _, new, _ = pair
    newest, _ = new.rotate(by=owner, now=timezone.now(), overlap=timedelta(days=1))
    page = page_of(new, "rotate/cancel/")
    asked = read(web.get(page)).fields

    web.post(page, asked)
    web.post(page, asked)

    revoked = set(APIKey.objects.exclude(revoked_at=None))
    assert revoked == {newest}
    links = read(web.get(page_of(new))).links
    assert links["Finish rotation"] == page_of(old, "rotate/finish/")


def test_a_rotation_whose_new_key_has_ended_can_only_be_cancelled(web, read, pair, owner):
    old, _, new, _ = pair
    new.revoke(by=owner, now=timezone.now())

    links = read(web.get(page_of(old))).links

    assert "Finish rotation" not in links
    assert "Cancel rotation" in links
