from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from apikeys.models import APIKey, KeyUsage, Origin
from testing.keys import id_of, secret_of

HOUR = timedelta(hours=1)


@pytest.fixture
def key_and_raw(issue):
    return issue(expires_at=timezone.now() + timedelta(days=90))


@pytest.fixture
def key(key_and_raw):
    return key_and_raw[0]


@pytest.fixture
def revoke(key):
    return f"/settings/api/{key.key_id}/revoke/"


@pytest.fixture
def rotate(key):
    return f"/settings/api/{key.key_id}/rotate/"


def test_revoking_stops_the_key_from_the_next_call(web, call, key_and_raw, revoke):
    _key, raw = key_and_raw
    assert call(raw).status_code == 200

    response = web.post(revoke, follow=True)

    assert response.redirect_chain == [("/settings/api/", 302)]
    assert "“Production API” was revoked." in response.content.decode()
    assert call(raw).json()["error"]["message"] == "API key has been revoked"


def test_revoking_from_the_page_of_a_key_leads_back_to_the_list_that_led_there(web, key, read):
    listed = "/settings/api/?q=Production&state=active"
    page = web.get(f"/settings/api/{key.key_id}/", HTTP_REFERER=f"http://testserver{listed}")
    asked = web.get(
        read(page).links["Revoke key"], HTTP_REFERER=f"http://testserver{page.request['PATH_INFO']}"
    )

    response = web.post(f"/settings/api/{key.key_id}/revoke/", read(asked).fields)

    assert response.url == listed


@pytest.mark.parametrize("elsewhere", ["https://evil.example/settings/api/", "//evil.example/", "/admin/"])
def test_no_link_leads_from_the_revoked_key_to_another_page(web, revoke, read, elsewhere):
    asked = web.get(revoke, {"next": elsewhere})

    assert "next" not in read(asked).fields
    assert web.post(revoke, {"next": elsewhere}).url == "/settings/api/"


def test_viewing_the_page_revokes_nothing(web, key, revoke):
    assert b"This can't be undone." in web.get(revoke).content
    web.head(revoke)

    key.refresh_from_db()
    assert key.revoked_at is None


def test_revoking_twice_keeps_the_first_time(web, key, revoke):
    web.post(revoke)
    key.refresh_from_db()
    first = key.revoked_at

    assert "was already revoked." in web.post(revoke, follow=True).content.decode()
    key.refresh_from_db()
    assert key.revoked_at == first
    assert b"Revoke key" not in web.get(revoke).content


def test_the_page_says_whether_the_key_is_in_use(web, key, revoke):
    assert b"This key has never been used." in web.get(revoke).content
    now = timezone.now()
    APIKey.objects.update(last_used_at=now - 3 * HOUR, last_used_ip="203.0.113.7")
    hour = now.replace(minute=0, second=0, microsecond=0)
    addresses = [f"203.0.113.{number}" for number in range(7, 20)]
    for address, count in zip(addresses, range(200, 0, -10), strict=False):
        KeyUsage.objects.create(
            key=key, hour=hour, outcome="answered", address=address, count=count, last_at=now
        )

    html = web.get(revoke).content.decode()

    assert "1,820 calls in the last 24 hours" in html
    assert [address for address in addresses if f">{address}</span> (" in html] == addresses[:10]
    assert "203.0.113.16</span> (110) and 3 more; last used <time" in html
    assert "Last used" not in html  # shown only once


def test_cancel_goes_back_to_the_previous_page(web, read, key, revoke):
    site = "http://testserver"
    cases = {
        f"{site}/settings/api/?page=2": f"/settings/api/?page=2#{key.key_id}",
        f"{site}/settings/api/{key.key_id}/": f"/settings/api/{key.key_id}/",
        f"{site}/accounts/login/": f"/settings/api/{key.key_id}/",
        "https://evil.example/settings/api/": f"/settings/api/{key.key_id}/",
        "": f"/settings/api/{key.key_id}/",
    }
    for referer, cancel in cases.items():
        assert read(web.get(revoke, headers={"Referer": referer})).links["Cancel"] == cancel


def test_a_key_in_the_referring_url_is_not_shown_again(web, read, key_and_raw, revoke):
    key, raw = key_and_raw

    page = web.get(revoke, headers={"Referer": f"http://testserver/settings/api/?q={raw}"})

    assert secret_of(raw) not in page.content.decode()
    back = read(page).links["Cancel"]
    assert key.name in web.get(back).content.decode()


def test_rotating_returns_a_key_like_the_old_one(send, web, call, key_and_raw, rotate):
    key, raw = key_and_raw

    response = send(rotate)

    new = response.context["raw"]
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    assert response["Referrer-Policy"] == "no-referrer"
    assert call(new).status_code == call(raw).status_code == 200
    successor = APIKey.objects.get(origin_rotation__old=key)
    assert (successor.name, successor.permissions) == (key.name, key.permissions)
    assert secret_of(new) not in web.get(f"/settings/api/{id_of(new)}/").content.decode()
    assert f"(wzc_{successor.key_id}_…)" in web.get(f"/settings/api/{key.key_id}/").content.decode()


@pytest.mark.parametrize(
    ("label", "value", "overlap"),
    [("1 hour", "1", HOUR), ("24 hours", "24", 24 * HOUR), ("7 days", "168", 168 * HOUR)],
)
def test_the_old_key_keeps_working_for_the_chosen_time(send, web, read, key, rotate, label, value, overlap):
    assert label in read(web.get(rotate)).labels

    send(rotate, overlap=value)

    key.refresh_from_db()
    assert abs(key.expires_at - timezone.now() - overlap) < timedelta(minutes=1)
    assert key.revoked_at is None


def test_the_old_key_may_stop_at_once(send, call, key_and_raw, rotate):
    send(rotate, overlap="0")

    assert call(key_and_raw[1]).json()["error"]["message"] == "API key has been revoked"


def test_24_hours_are_the_default(web, read, rotate):
    assert read(web.get(rotate)).fields["overlap"] == ["24"]


@pytest.mark.parametrize("overlap", ["0", "24"])
def test_the_same_form_sent_twice_creates_one_successor_and_shows_it_once(web, read, rotate, overlap):
    filled = read(web.get(rotate)).fields | {"overlap": overlap}

    raw = web.post(rotate, filled).context["raw"]
    second = web.post(rotate, filled)

    assert secret_of(raw) not in second.content.decode()
    assert b"This key was already created" in second.content
    assert f"/settings/api/{id_of(raw)}/" in second.content.decode()
    assert APIKey.objects.count() == 2


def test_a_second_rotation_leads_to_the_successor(web, read, send, rotate):
    other_form = read(web.get(rotate)).fields
    raw = send(rotate).context["raw"]

    response = web.post(rotate, other_form)

    assert "raw" not in response.context
    assert b"was already rotated" in response.content
    assert f"/settings/api/{id_of(raw)}/" in response.content.decode()
    assert APIKey.objects.count() == 2


@pytest.mark.parametrize("token", [None, "", "garbage"])
def test_an_invalid_token_rotates_nothing(send, rotate, token):
    assert b"out of date" in send(rotate, form_token=token).content
    assert APIKey.objects.count() == 1


@pytest.mark.parametrize("overlap", [None, "", "9999", "x"])
def test_an_invalid_overlap_rotates_nothing(send, rotate, overlap):
    assert b'role="alert"' in send(rotate, overlap=overlap).content
    assert APIKey.objects.count() == 1


@pytest.mark.parametrize("state", ["revoked", "expired"])
def test_a_key_that_has_ended_cannot_be_rotated(web, read, key, owner, rotate, state):
    filled = read(web.get(rotate)).fields
    if state == "revoked":
        key.revoke(by=owner, now=timezone.now())
    else:
        APIKey.objects.update(expires_at=timezone.now() - HOUR)

    for response in (web.get(rotate), web.post(rotate, filled)):
        said = " ".join(response.content.decode().split())
        has = "been revoked" if state == "revoked" else "expired"
        assert f"This key has {has} and can't be rotated." in said
        assert "Rotate key" not in read(response).buttons
    assert APIKey.objects.count() == 1


@pytest.fixture
def family(issue, key, owner):
    """Two live keys that ``key`` created, one through a key that is now revoked; and an expired one."""
    now = timezone.now()
    issue(name="Expired", origin=Origin(key=key), now=now - timedelta(days=2), expires_at=now)
    child, _ = issue(name="Child", origin=Origin(key=key), expires_at=key.expires_at)
    middle, _ = issue(name="Middle", origin=Origin(key=key), expires_at=key.expires_at)
    grandchild, _ = issue(name="Grandchild", origin=Origin(key=middle), expires_at=key.expires_at)
    middle.revoke(by=owner, now=now)
    return [child, grandchild]


def test_what_a_key_created_is_revoked_with_it_if_the_user_chooses_that(web, key, revoke, family):
    assert "Grandchild" in web.get(revoke).content.decode()

    said = web.post(revoke, {"cascade": "yes"}, follow=True).content.decode()

    assert "“Production API” was revoked. 2 keys that it created or that replaced it were also" in said
    assert not APIKey.objects.live(timezone.now()).exists()


def test_what_an_ended_key_created_can_still_be_revoked_from_its_page(web, read, key, owner, revoke, family):
    key.revoke(by=owner, now=timezone.now())
    detail = web.get(f"/settings/api/{key.key_id}/")

    assert "2 keys that this key created, or that replaced it, still work." in detail.content.decode()
    assert read(detail).links["Revoke them"] == revoke
    asked = web.get(revoke)
    assert "Revoke 2 keys" in read(asked).buttons
    assert "<h1>Revoke keys created from “Production API”?</h1>" in asked.content.decode()
    assert "Middle" not in asked.content.decode()
    assert APIKey.objects.live(timezone.now()).count() == 2

    said = web.post(revoke, {"cascade": "yes"}, follow=True).content.decode()

    assert "2 keys that it created or that replaced it were also revoked." in said
    assert not APIKey.objects.live(timezone.now()).exists()
    assert "still work" not in web.get(f"/settings/api/{key.key_id}/").content.decode()
    assert "Revoke" not in read(web.get(revoke)).buttons[-1]


def test_a_stranger_revokes_nothing_of_a_family(stranger_web, revoke, family):
    assert stranger_web.post(revoke, {"cascade": "yes"}).status_code == 404
    assert APIKey.objects.live(timezone.now()).count() == 3
