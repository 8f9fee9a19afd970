from __future__ import annotations

import re
import threading
from datetime import timedelta
from html import unescape

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.models import Group
from django.contrib.auth.models import Permission as StaffPermission
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apikeys.models import APIKey, Origin, Permission
from apikeys.pages.stale import StaleFormMixin
from apikeys.usage import recorder
from testing.keys import secret_of

KEYS = "/admin/apikeys/apikey/"
EVENTS = "/admin/apikeys/keyevent/"


@pytest.fixture
def operator(django_user_model):
    return django_user_model.objects.create_superuser("root", "root@example.com")


@pytest.fixture
def desk(operator):
    """An operator's browser."""
    client = Client()
    client.force_login(operator)
    return client


@pytest.fixture
def key(issue):
    return issue(Permission.READ)[0]


@pytest.fixture
def path(key):
    return f"{KEYS}{key.pk}/change/"


def test_the_admin_is_behind_the_same_sign_in(db):
    response = Client().get("/admin/", follow=True)

    assert response.redirect_chain[-1][0].startswith("/accounts/login/?next=")
    assert b"Username or email" in response.content


def test_an_owner_is_not_an_operator(web, path):
    for address in ("/admin/", KEYS, path):
        assert web.get(address).status_code in {302, 403}
    assert web.post(path, {"name": "x"}).status_code in {302, 403}


def test_keys_are_listed_with_owner_masked_id_permissions_and_state(desk, key):
    html = desk.get(KEYS).content.decode()

    for text in ("Production API", "olga", f"wzc_{key.key_id}_…", "Read", "Active"):
        assert text in html


@pytest.mark.parametrize("text", ["key_id", "Production", "olga"])
def test_keys_are_found_by_id_name_and_owner(desk, issue, stranger, key, text):
    issue(owner=stranger, name="Other")

    html = desk.get(KEYS, {"q": key.key_id if text == "key_id" else text}).content.decode()

    assert "Production API" in html
    assert "Other" not in html


@pytest.mark.parametrize("state", ["active", "expiring", "expired", "revoked"])
def test_keys_are_filtered_by_state(desk, issue, owner, state):
    now = timezone.now()
    issue(name="active-one")
    issue(name="expiring-one", expires_at=now + timedelta(days=1))
    issue(name="expired-one", expires_at=now - timedelta(days=1))
    issue(name="revoked-one")[0].revoke(by=owner, now=now)

    html = desk.get(KEYS, {"state": state}).content.decode()

    assert [name for name in ("active", "expiring", "expired", "revoked") if f"{name}-one" in html] == [state]


@pytest.mark.parametrize(
    "query",
    [
        "key_hash__startswith=$argon2id",
        "checksum__contains=a",
        "key_id__startswith=a",
        "owner__password__startswith=a",
        "form_token__isnull=0",
        "id__gt=0",
    ],
)
def test_no_filter_helps_to_guess_stored_values(desk, key, query):
    assert desk.get(f"{KEYS}?{query}").status_code == 400


def test_no_filter_on_users_reaches_into_their_keys(desk, key):
    assert desk.get("/admin/auth/user/?api_keys__key_hash__startswith=$argon2id").status_code == 400


def test_checksum_and_encoding_are_nowhere(desk, key, path):
    html = desk.get(path).content.decode() + desk.get(KEYS).content.decode()

    assert key.key_hash not in html
    assert key.checksum not in html
    assert "$argon2" not in html


@pytest.mark.parametrize(("page", "narrowed"), [(KEYS, "state=active"), (EVENTS, "actor_kind=user")])
def test_a_whole_key_finds_itself_and_is_not_shown_again(desk, issue, page, narrowed):
    _key, raw = issue(name="Found in a log")
    issue(name="Another")

    response = desk.get(page, {"q": f" {raw} "} | dict([narrowed.split("=")]), follow=True)
    html = response.content.decode()

    [(location, _status)] = response.redirect_chain
    assert secret_of(raw) not in location
    assert narrowed in location
    assert "Found in a log" in html
    assert "Another" not in html
    assert secret_of(raw) not in html


def test_no_list_keeps_a_whole_key_that_is_searched_for_even_before_signing_in(desk, issue):
    _key, raw = issue()

    for model in admin.site._registry:
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for client in (desk, Client()):
            response = client.get(address, {"q": raw})
            assert response.status_code == 302
            assert response["Location"].startswith(f"{address}?q=wzc_")
            assert secret_of(raw) not in response["Location"]


def test_an_operator_narrows_a_key_and_the_event_names_the_operator(desk, operator, call, issue):
    key, raw = issue()

    response = desk.post(
        f"{KEYS}{key.pk}/change/",
        {"name": "Narrow", "permissions": ["write"], "allowed_networks": "10.0.0.5/24"},
    )

    assert response.status_code == 302, response.content.decode()
    key.refresh_from_db()
    assert (key.name, key.granted, key.allowed_networks) == ("Narrow", Permission.WRITE, "10.0.0.0/24")
    event = key.events.first()
    assert (event.actor, event.action) == (operator, "changed")
    assert call(raw).status_code == 403
    assert "Changed by root" in desk.get(f"{KEYS}{key.pk}/change/").text


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"allowed_networks": "10.0.0.0/33"}, 'Line 1: "10.0.0.0/33" is not an IP address or range.'),
        ({"permissions": []}, "Choose at least one permission."),
        ({"name": "\u200b"}, "Give the key a name with visible characters."),
        ({"name": "\u202egnp"}, "A name can't contain characters that change the direction of text."),
        (
            {"allowed_networks": "x\n" * 33_000},
            "The list is too long: at most 64,000 characters are allowed.",
        ),
        ({"allowed_networks": "x\n" * 30_000}, "…and 29,980 more."),
    ],
)
def test_an_operator_is_held_to_the_same_rules(desk, key, path, values, said):
    filled = {"name": "x", "permissions": ["read"], "allowed_networks": ""} | values

    answer = unescape(desk.post(path, filled).text)

    assert said in answer
    assert answer.count("is not an IP address or range") <= 20
    key.refresh_from_db()
    assert key.name == "Production API"


def test_fields_that_are_not_on_the_form_cannot_be_changed(desk, key, path, stranger):
    filled = {"name": "x", "permissions": ["read"], "allowed_networks": ""}

    desk.post(path, filled | {"owner": stranger.pk, "key_id": "x" * 12, "key_hash": "", "expires_at": ""})

    before = (key.owner_id, key.key_id, key.key_hash)
    key.refresh_from_db()
    assert (key.name, (key.owner_id, key.key_id, key.key_hash)) == ("x", before)


def test_the_action_asks_first_and_shows_how_each_key_is_used(desk, issue, call, key):
    other, raw = issue(name="Other")
    call(raw)
    recorder.flush()

    html = desk.post(KEYS, {"action": "revoke_selected", "_selected_action": [other.pk, key.pk]}).text

    assert "Revoke 2 keys?" in html
    for text in ("Other", "olga", other.masked, "Active", "<td>1</td>", "<td>0</td>", "Never"):
        assert text in html
    assert call(raw).status_code == 200


def test_the_confirmed_action_revokes_the_selected_keys(desk, operator, issue, call, key):
    other, raw = issue(name="Other")

    response = desk.post(
        KEYS,
        {"action": "revoke_selected", "_selected_action": [other.pk], "confirmed": "yes"},
        follow=True,
    )

    assert b"1 key was revoked." in response.content
    assert call(raw).json()["error"]["message"] == "API key has been revoked"
    other.refresh_from_db()
    key.refresh_from_db()
    assert (other.revoked_by, key.revoked_at) == (operator, None)
    event = other.events.first()
    assert (event.actor_kind, event.actor_name, event.ip) == ("operator", "root", "127.0.0.1")


def test_more_keys_than_a_form_has_fields_are_revoked_at_once(desk, issue, owner, read, settings):
    issue()
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 10
    others = [issue(name=f"Key {number}")[0] for number in range(11)]
    selected = {"action": "revoke_selected", "select_across": "1", "_selected_action": others[0].pk}
    asked = desk.post(f"{KEYS}?q=Key", selected)

    later, _raw = issue(name="Key that nobody has confirmed")
    answer = desk.post(f"{KEYS}?q=Key", read(asked).fields, follow=True)

    assert "11 keys were revoked." in answer.text
    unrevoked = {key.name for key in owner.api_keys.filter(revoked_at=None)}
    assert unrevoked == {"Production API", later.name}


def test_ended_keys_are_not_said_to_stop(desk, issue):
    expired, _raw = issue(expires_at=timezone.now() + timedelta(days=1))
    APIKey.objects.update(expires_at=timezone.now())

    html = desk.get(f"{KEYS}{expired.pk}/revoke/").text

    assert "Calls with this key are already refused." in html
    assert "stops working" not in html


def test_the_history_shows_times_as_other_pages_do(desk, key, path):
    desk.post(path, {"name": "Renamed", "permissions": ["read"], "allowed_networks": ""})

    html = desk.get(f"{KEYS}{key.pk}/history/").text

    assert "Changed name." in html
    assert html.count("UTC") == html.count("UTC</time>") == 1


def test_cancel_keeps_the_search_and_the_filters(desk, key, read):
    listed = f"{KEYS}?q=Production&state=active"

    response = desk.post(listed, {"action": "revoke_selected", "_selected_action": [key.pk]})

    assert read(response).links["Cancel"] == listed


def test_one_key_is_revoked_from_its_page_after_a_confirmation(desk, issue, call, path, key):
    assert f"{KEYS}{key.pk}/revoke/" in desk.get(path).text
    asked = desk.get(f"{KEYS}{key.pk}/revoke/")
    key.refresh_from_db()
    assert "Revoke 1 key?" in asked.text
    assert key.revoked_at is None

    answer = desk.post(f"{KEYS}{key.pk}/revoke/", {"confirmed": "yes"}, follow=True)

    key.refresh_from_db()
    assert "was revoked" in answer.text
    assert key.revoked_at is not None


def test_an_owner_does_not_revoke_through_the_admin(web, key):
    assert web.post(f"{KEYS}{key.pk}/revoke/", {"confirmed": "yes"}).status_code in {302, 403}
    key.refresh_from_db()
    assert key.revoked_at is None


def test_an_old_form_changes_only_what_was_typed_into_it(desk, key, path, read, owner):
    old_form = read(desk.get(path)).fields
    key.change(by=owner, now=timezone.now(), allowed_networks="10.0.0.0/8")

    answer = desk.post(path, old_form | {"name": "Renamed"}, follow=True)

    key.refresh_from_db()
    assert (key.name, key.allowed_networks) == ("Renamed", "10.0.0.0/8")
    assert "Kept changes made on another page: Allowed IP addresses." in answer.text


def test_a_field_changed_here_and_elsewhere_is_a_mistake_first(desk, key, path, read, owner):
    old_form = read(desk.get(path)).fields
    key.change(by=owner, now=timezone.now(), name="Renamed by Olga")

    answer = desk.post(path, old_form | {"name": "Renamed by an operator"})

    key.refresh_from_db()
    assert key.name == "Renamed by Olga"
    assert "“Name” has changed on another page. Check it and save again." in answer.text


@pytest.mark.django_db(transaction=True)
def test_a_change_while_a_form_is_checked_waits_until_it_is_saved(desk, key, path, read, owner, monkeypatch):
    form = read(desk.get(path)).fields
    clean, threads = StaleFormMixin.clean, []

    def rename():
        APIKey.objects.get(pk=key.pk).change(by=owner, now=timezone.now(), name="Renamed by Olga")
        connection.close()

    def clean_and_let_others_change(self):
        cleaned = clean(self)
        threads.append(threading.Thread(target=rename))
        threads[0].start()
        threads[0].join(timeout=0.5)
        return cleaned

    monkeypatch.setattr(StaleFormMixin, "clean", clean_and_let_others_change)
    desk.post(path, form | {"name": "Renamed by an operator"})
    threads[0].join()

    changes = [event.changes["name"] for event in key.events.filter(action="changed").order_by("pk")]
    assert changes == [
        ["Production API", "Renamed by an operator"],
        ["Renamed by an operator", "Renamed by Olga"],
    ]


def test_a_browsers_line_breaks_change_nothing(desk, key, path, read, owner):
    key.change(by=owner, now=timezone.now(), allowed_networks="10.0.0.0/8\n192.0.2.0/24")
    sent = {
        name: value.replace("\n", "\r\n") if isinstance(value, str) else value
        for name, value in read(desk.get(path)).fields.items()
    }

    answer = desk.post(path, sent, follow=True)

    key.refresh_from_db()
    assert key.allowed_networks == "10.0.0.0/8\n192.0.2.0/24"
    assert "made on another page" not in answer.text
    assert key.events.count() == 2


@pytest.mark.parametrize(("typed", "stored"), [("5/minute", "5/minute"), ("", ""), (" OFF ", "off")])
def test_an_operator_gives_a_key_its_own_rate_limit(desk, key, path, read, typed, stored):
    desk.post(path, read(desk.get(path)).fields | {"rate_limit": typed})

    key.refresh_from_db()
    assert key.rate_limit == stored


@pytest.mark.parametrize("typed", ["0/minute", "five", "5/fortnight", "-1/second"])
def test_an_invalid_rate_limit_is_refused(desk, key, path, read, typed):
    answer = desk.post(path, read(desk.get(path)).fields | {"rate_limit": typed})

    key.refresh_from_db()
    assert "is not a rate limit" in answer.text
    assert key.rate_limit == ""


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"permission": "admin"}, {"admin-one"}),
        ({"permission": "write"}, {"write-one"}),
        ({"use": "never"}, {"write-one", "old-one"}),
        ({"use": "idle"}, {"old-one", "idle-one"}),
        ({"q": "198.51.100.9"}, {"admin-one"}),
        ({"q": "olga@example.com"}, {"admin-one", "write-one", "old-one", "idle-one"}),
        ({"permission": "nonsense", "use": "nonsense"}, {"admin-one", "write-one", "old-one", "idle-one"}),
    ],
)
def test_keys_are_filtered_by_permission_use_address_and_email(desk, issue, query, found):
    now = timezone.now()
    long_ago = now - timedelta(days=91)
    admin, _ = issue(Permission.ADMIN, name="admin-one")
    issue(Permission.WRITE, name="write-one")
    issue(Permission.READ, name="old-one", now=long_ago)
    idle, _ = issue(Permission.READ, name="idle-one", now=long_ago)
    APIKey.objects.filter(pk=admin.pk).update(last_used_at=now, last_used_ip="198.51.100.9")
    APIKey.objects.filter(pk=idle.pk).update(last_used_at=long_ago)

    html = desk.get(KEYS, query).text

    names = ("admin-one", "write-one", "old-one", "idle-one")
    assert {name for name in names if name in html} == found


def test_a_keys_page_shows_use_refusals_rotation_and_events(desk, issue, call, owner):
    key, raw = issue(Permission.READ)
    call(raw)
    call(raw, "POST", body={"name": "Bot"})
    recorder.flush()
    successor, _ = key.rotate(by=owner, now=timezone.now(), overlap=timedelta(days=1))

    html = desk.get(f"{KEYS}{key.pk}/change/").text

    for text in (
        "2, from 127.0.0.1 (2)",
        "Missing permission, from 127.0.0.1: 1",
        successor.masked,
        "Rotated by olga",
    ):
        assert text in html
    assert key.masked in desk.get(f"{KEYS}{successor.pk}/change/").text


def test_the_audit_log_shows_who_did_what_and_cannot_be_written(desk, key, owner):
    key.change(by=owner, now=timezone.now(), permissions=Permission.WRITE, origin=Origin(ip="192.0.2.7"))

    html = desk.get(EVENTS).text

    for text in ("olga", key.masked, "Permissions: Read → Write", "192.0.2.7"):
        assert text in html
    event = key.events.first()
    for path in (f"{EVENTS}{event.pk}/change/", f"{EVENTS}{event.pk}/delete/", f"{EVENTS}add/"):
        assert desk.post(path, {"post": "yes"}).status_code == 403
    page = desk.get(f"{EVENTS}{event.pk}/change/").text
    assert page.count("UTC") == page.count("UTC</time>") == 1
    assert key.events.count() == 2
    assert desk.get(f"{EVENTS}?q={key.masked}").text.count("Changed: ") == 1


def test_the_audit_log_shortens_a_long_list_and_an_events_page_has_all_of_it(desk, key, owner):
    addresses = [f"192.0.2.{number}" for number in range(1, 9)]
    key.change(by=owner, now=timezone.now(), allowed_networks="\n".join(addresses))

    assert f"{', '.join(addresses[:5])} and 3 more" in desk.get(EVENTS).text
    assert ", ".join(addresses) in desk.get(f"{EVENTS}{key.events.first().pk}/change/").text


def test_the_audit_log_is_only_for_operators(web, key):
    assert web.get(EVENTS).status_code in {302, 403}


def test_a_users_page_lists_the_users_keys(desk, key, owner):
    html = desk.get(f"/admin/auth/user/{owner.pk}/change/").text

    assert key.masked in html
    assert f"{KEYS}{key.pk}/change/" in html


TIME = re.compile(r'<time datetime="[^"]+" data-at="full">\d+ \w+ \d{4}, \d\d:\d\d UTC</time>')
A_M = re.compile(r"\b[ap]\.m\.")


def test_dates_are_times_as_on_the_other_pages(desk, operator, owner):
    chatbot = owner.chatbots.create(name="Support", is_active=True)
    authenticator = Authenticator.objects.create(user=owner, type="totp", data={})
    session = UserSession.objects.create(user=owner, session_key="x", ip="192.0.2.7", user_agent="x")
    entry, query = chatbot.learn("Why?", "Because."), chatbot.ask("Why?")

    for model, row in (
        ("auth/user", operator),
        ("chatbots/chatbot", chatbot),
        ("chatbots/faqentry", entry),
        ("chatbots/query", query),
        ("mfa/authenticator", authenticator),
        ("usersessions/usersession", session),
    ):
        for page in ("", f"{row.pk}/change/"):
            html = desk.get(f"/admin/{model}/{page}").text
            assert not A_M.search(html), (model, page)
            assert TIME.search(html) or (model, page) == ("auth/user", ""), (model, page)


def test_closing_an_account_names_the_keys_that_are_in_use(desk, issue, call, owner, read):
    key, raw = issue(name="Busy")
    issue(name="Quiet")
    call(raw)
    recorder.flush()
    page = f"/admin/auth/user/{owner.pk}/change/"
    fields = read(desk.get(page)).fields
    fields = {name: value for name, value in fields.items() if name != "is_active"}

    said = desk.post(page, fields, follow=True).text
    asked = desk.get(f"/admin/auth/user/{owner.pk}/delete/").text

    assert f"Used in the last 24 hours: Busy ({key.masked}, 1 call)" in said
    assert call(raw).status_code == 401
    assert f"Busy ({key.masked}, 1 call)" in asked


def test_an_old_form_neither_reopens_an_account_nor_gives_rights_back(desk, issue, call, owner, read):
    _key, raw = issue()
    group = Group.objects.create(name="Support")
    owner.groups.add(group)
    type(owner).objects.filter(pk=owner.pk).update(is_staff=True, is_superuser=True)
    page = f"/admin/auth/user/{owner.pk}/change/"
    old_form = read(desk.get(page)).fields | {"groups": [str(group.pk)]}
    old_form |= dict.fromkeys(["is_active", "is_staff", "is_superuser"], "on")
    owner.groups.clear()
    type(owner).objects.filter(pk=owner.pk).update(is_active=False, is_staff=False, is_superuser=False)

    said = desk.post(page, old_form | {"first_name": "Olga"}, follow=True).text

    owner.refresh_from_db()
    assert owner.first_name == "Olga"
    assert (owner.is_active, owner.is_staff, owner.is_superuser) == (False, False, False)
    assert not owner.groups.exists()
    assert call(raw).status_code == 401
    assert "Kept changes made on another page: Active, Staff status, Superuser status and Groups." in said


def test_a_revoked_key_does_not_come_back(desk, key, path, owner):
    key.revoke(by=owner, now=timezone.now())
    filled = {
        "name": "x",
        "permissions": ["admin"],
        "allowed_networks": "",
        "revoked_at": "",
    }

    assert b'name="_save"' not in desk.get(path).content
    assert desk.post(path, filled).status_code == 403
    key.refresh_from_db()
    assert (key.name, key.granted) == ("Production API", Permission.READ)
    assert key.revoked_at is not None


def test_keys_cannot_be_created_or_deleted_here(desk, key):
    assert desk.get(f"{KEYS}add/").status_code == 403
    assert desk.post(f"{KEYS}{key.pk}/delete/", {"post": "yes"}).status_code == 403
    desk.post(KEYS, {"action": "delete_selected", "_selected_action": [key.pk], "post": "yes"})
    assert APIKey.objects.filter(pk=key.pk).exists()


def test_keys_are_deleted_with_their_owner(desk, key, owner):
    response = desk.post(f"/admin/auth/user/{owner.pk}/delete/", {"post": "yes"})

    assert response.status_code == 302
    assert not APIKey.objects.exists()


def test_an_operator_who_may_only_view_changes_nothing(operator, desk, key, path):
    operator.is_superuser = False
    operator.save()
    operator.user_permissions.add(StaffPermission.objects.get(codename="view_apikey"))

    page = desk.get(path)
    assert page.status_code == 200
    assert f"{KEYS}{key.pk}/revoke/" not in page.text
    assert desk.post(path, {"name": "x", "permissions": ["admin"], "allowed_networks": ""}).status_code == 403
    desk.post(KEYS, {"action": "revoke_selected", "_selected_action": [key.pk], "confirmed": "yes"})
    assert desk.post(f"{KEYS}{key.pk}/revoke/", {"confirmed": "yes"}).status_code == 403
    key.refresh_from_db()
    assert (key.name, key.revoked_at) == ("Production API", None)


def test_the_number_of_queries_does_not_grow_with_the_keys(desk, issue, django_assert_max_num_queries):
    for number in range(30):
        issue(name=f"Key {number}")

    with django_assert_max_num_queries(8):
        desk.get(KEYS)
