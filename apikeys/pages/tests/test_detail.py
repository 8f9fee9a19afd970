from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from apikeys.models import APIKey, KeyUsage, Permission
from apikeys.usage import recorder


@pytest.fixture
def key(issue):
    return issue(Permission.READ)[0]


@pytest.fixture
def path(key):
    return f"/settings/api/{key.key_id}/"


def test_a_stranger_sees_the_same_as_for_a_key_that_does_not_exist(stranger_web, path, key):
    for subpage in ("", "revoke/", "rotate/"):
        for send in (stranger_web.get, stranger_web.post):
            assert send(path + subpage).status_code == 404
            assert send(f"/settings/api/{'0' * 12}/{subpage}").status_code == 404
    key.refresh_from_db()
    assert (key.revoked_at, APIKey.objects.count()) == (None, 1)


def test_without_a_session_nothing_is_shown_or_done(path, key):
    for subpage in ("", "revoke/", "rotate/"):
        for send in (Client().get, Client().post):
            assert send(path + subpage).url.startswith("/accounts/login/")
    key.refresh_from_db()
    assert key.revoked_at is None


def test_an_api_key_opens_no_page(path, issue):
    raw = issue()[1]

    assert Client().get(path, headers={"Authorization": f"Bearer {raw}"}).status_code == 302


@pytest.mark.parametrize("key_id", ["x", "x" * 13, "%00" * 12, "..%2f", "new"])
def test_an_invalid_id_is_not_found(web, key_id):
    assert web.get(f"/settings/api/{key_id}/revoke/").status_code == 404


def test_the_form_starts_with_what_the_key_has(web, read, path):
    fields = read(web.get(path)).fields

    assert (fields["name"], fields["permissions"], fields["allowed_networks"]) == (
        "Production API",
        ["read"],
        "",
    )


def test_a_form_without_the_addresses_field_does_not_widen_the_list(send, issue):
    key, _raw = issue(allowed_networks="10.0.0.0/8")
    path = f"/settings/api/{key.key_id}/"

    assert send(path, name="CI", allowed_networks=None).status_code == 302

    key.refresh_from_db()
    assert (key.name, key.networks) == ("CI", ["10.0.0.0/8"])


def test_save_changes_the_key_and_says_so(send, web, key, path, owner):
    response = send(path, name="Staging", permissions=["write", "admin"], allowed_networks="127.0.0.1")

    assert (response.status_code, response.url) == (302, path)
    key.refresh_from_db()
    assert (key.name, key.granted.names, key.networks) == ("Staging", ["write", "admin"], ["127.0.0.1"])
    html = web.get(path).content.decode()
    assert "“Staging” was saved." in html
    assert "Changed by <bdi>olga</bdi>" in html


def test_a_narrowed_list_takes_effect_on_the_next_call(send, call, issue):
    key, raw = issue()
    assert call(raw).status_code == 200

    send(f"/settings/api/{key.key_id}/", allowed_networks="203.0.113.0/24")

    assert call(raw).json()["error"]["message"] == "IP address not allowed"
    assert call(raw, REMOTE_ADDR="203.0.113.9").status_code == 200


def test_a_removed_permission_takes_effect_on_the_next_call(send, call, issue):
    key, raw = issue()

    send(f"/settings/api/{key.key_id}/", permissions=["write"])

    assert call(raw).json()["error"]["message"] == 'This API key lacks the "read" permission'


def test_saving_nothing_new_says_so_and_records_no_event(send, web, key, path):
    send(path)

    assert "No changes to save." in web.get(path).content.decode()
    assert key.events.count() == 1


def test_a_mistake_changes_nothing_and_loses_no_input(send, read, key, path):
    response = send(path, name="", permissions=[], allowed_networks="10.0.0.1\n010.0.0.1")

    html = response.content.decode().replace("&quot;", '"')
    assert 'Line 2: "010.0.0.1" is not an IP address or range.' in html
    assert read(response).fields["allowed_networks"] == "10.0.0.1\n010.0.0.1"
    key.refresh_from_db()
    assert (key.name, key.allowed_networks) == ("Production API", "")


def test_the_canonical_form_is_shown_with_a_notice(send, web, path):
    send(path, allowed_networks="10.0.0.5/24")

    html = web.get(path).content.decode()
    assert "10.0.0.5/24 was saved as 10.0.0.0/24." in html
    assert "isn&#x27;t allowed, so calls from here will be refused" in html


def test_the_users_address_is_added_but_not_saved(send, read, key, path):
    response = send(path, allowed_networks="8.8.8.8", add_address="1")

    assert read(response).fields["allowed_networks"] == "8.8.8.8\n127.0.0.1"
    key.refresh_from_db()
    assert key.allowed_networks == ""


def test_fields_that_are_not_on_the_form_change_nothing(send, key, path, stranger):
    send(path, owner=stranger.pk, revoked_at="", expires_at="2000-01-01", key_id="x" * 12, created_by="")

    before = {name: getattr(key, name) for name in ("owner_id", "revoked_at", "expires_at", "key_id")}
    key.refresh_from_db()
    assert {name: getattr(key, name) for name in before} == before


def test_a_revoked_key_is_shown_and_cannot_be_changed(send, web, read, key, path, owner):
    filled = read(web.get(path)).fields | {"name": "Back again"}
    key.revoke(by=owner, now=timezone.now())

    page = read(web.get(path))
    assert "Save" not in page.buttons
    assert "name" not in page.fields
    assert web.post(path, filled).status_code == 302
    assert "has been revoked and can&#x27;t be changed" in web.get(path).content.decode()
    key.refresh_from_db()
    assert key.name == "Production API"


def test_the_page_shows_who_did_what(web, key, path, owner):
    key.rotate(by=None, now=timezone.now(), overlap=timedelta(hours=1))
    key.revoke(by=owner, now=timezone.now())

    html = web.get(path).content.decode()

    assert "Created by <bdi>olga</bdi>" in html
    assert "Rotated by <bdi>an operator</bdi>" in html
    assert "Revoked by <bdi>olga</bdi>" in html


def test_keys_with_the_same_name_have_different_titles(web, issue):
    for key in (issue(name="Twin")[0], issue(name="Twin")[0]):
        html = web.get(f"/settings/api/{key.key_id}/").text
        assert f"<title>“Twin” ({key.masked}), API key – WizChat</title>" in html


def test_the_last_use_is_shown_in_full(web, key, path):
    at = timezone.now().replace(2026, 3, 1, 12, 30)
    APIKey.objects.update(
        last_used_at=at,
        last_used_ip="203.0.113.7",
        last_used_user_agent="<b>curl</b>",
        last_used_method="GET",
        last_used_route="/v1/chatbots",
    )

    html = web.get(path).content.decode()

    for text in ("1 March 2026, 12:30 UTC", "203.0.113.7", "&lt;b&gt;curl", "GET /v1/chatbots"):
        assert text in html


def test_each_line_of_the_list_is_shown_as_it_is_stored(web, issue):
    key, _raw = issue(allowed_networks="203.0.113.7\n2001:db8::7\n10.0.0.0/8")

    lines = web.get(f"/settings/api/{key.key_id}/").content.decode().partition('id="lines"')[2]

    shown = re.findall(r'<dt class="mono address">(.*?)</dt>', lines)
    assert shown[:3] == ["203.0.113.7", "2001:db8::7", "10.0.0.0/8"]


def test_a_month_of_calls_is_shown_in_numbers_with_refusals(web, key, path):
    now = timezone.now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    for outcome, address, count in (("answered", "203.0.113.7", 3000), ("address", "192.0.2.66", 1000)):
        KeyUsage.objects.create(
            key=key, hour=hour, outcome=outcome, address=address, count=count, last_at=now
        )

    html = web.get(path).content.decode()

    for text in (
        "Calls per day: 3,000 answered, 0 failed, 1,000 refused",
        "75.0 %",
        "Address not allowed",
        "192.0.2.66",
    ):
        assert text in html


@pytest.mark.parametrize(("networks", "allowed"), [("", True), ("127.0.0.1", True), ("10.0.0.1", False)])
def test_each_caller_is_allowed_or_can_be(web, issue, call, networks, allowed):
    key, raw = issue(allowed_networks=networks)
    call(raw)
    recorder.flush()

    html = web.get(f"/settings/api/{key.key_id}/").text

    assert ('muted">Allowed</span>' in html) is allowed
    assert ("Allow this address" in html) is not allowed


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "\u202egnp.exe", "W" * 80, "مفتاح"])
def test_no_name_breaks_out_of_its_place(web, issue, name):
    key, _raw = issue(name=name)

    html = web.get(f"/settings/api/{key.key_id}/").content.decode()

    assert "<script>alert" not in html
    title = html.split("<title>")[1].split("</title>")[0]
    assert title.count("\u2068") == title.count("\u2069") == (1 if name[0] in "\u202eم" else 0)


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options"])
def test_other_methods_are_not_served(web, path, method):
    for subpage in ("", "revoke/", "rotate/"):
        assert getattr(web, method)(path + subpage).status_code == 405
