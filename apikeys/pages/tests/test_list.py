from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from apikeys.models import APIKey, KeyUsage, Permission
from testing.keys import secret_of

LIST = "/settings/api/"


def names_on(response):
    return [key.name for key, _day, _said in response.context["rows"]]


def test_an_anonymous_user_is_asked_to_sign_in(db):
    response = Client().get(LIST)

    assert (response.status_code, response.url) == (302, f"/accounts/login/?next={LIST}")


def test_a_key_is_shown_with_its_permissions_addresses_and_last_use(web, issue):
    key, raw = issue(Permission.READ | Permission.WRITE, allowed_networks="10.0.0.0/8\n10.1.0.1\n::1")
    APIKey.objects.update(last_used_at=timezone.now() - timedelta(hours=3))

    html = web.get(LIST).content.decode()

    assert "Production API" in html
    assert f"wzc_{key.key_id}_…" in html
    assert "Read, Write" in html
    assert "3 addresses" in html
    assert "3\xa0hours ago" in html
    assert secret_of(raw) not in html


def test_only_the_users_own_keys_are_listed(web, issue, stranger):
    issue(owner=stranger, by=stranger, name="Not mine")

    assert b"Not mine" not in web.get(LIST).content


def test_with_no_keys_the_page_says_what_a_key_does(web, read):
    response = web.get(LIST)

    assert b"No keys yet" in response.content
    assert read(response).links["Generate API Key"] == "/settings/api/new/"


def test_actions_are_named_with_their_key(web, issue, read):
    key, _raw = issue()

    links = read(web.get(LIST)).links

    assert links["Revoke Production API"] == f"/settings/api/{key.key_id}/revoke/"
    assert links["Rotate Production API"] == f"/settings/api/{key.key_id}/rotate/"


def test_a_rotated_key_does_not_offer_another_rotation(web, issue, owner):
    old, _raw = issue()
    new, _raw = old.rotate(by=owner, now=timezone.now(), overlap=timedelta(days=1))

    html = web.get(LIST).content.decode()

    assert f"/settings/api/{new.key_id}/rotate/" in html
    assert f"/settings/api/{old.key_id}/rotate/" not in html
    assert f"/settings/api/{old.key_id}/revoke/" in html


def test_active_keys_come_first_and_the_others_say_what_they_are(web, issue, owner):
    now = timezone.now()
    issue(name="live")
    issue(name="ending", expires_at=now + timedelta(days=14))
    issue(name="ended", expires_at=now - timedelta(seconds=1))
    issue(name="stopped")[0].revoke(by=owner, now=now)

    response = web.get(LIST)

    assert names_on(response) == ["ending", "live", "stopped", "ended"]
    for word in ("Active", "Expires soon", "Expired", "Revoked"):
        assert word in response.content.decode()


@pytest.mark.parametrize(
    ("state", "names"),
    [
        ("active", ["live"]),
        ("expiring", ["ending"]),
        ("expired", ["ended"]),
        ("revoked", ["stopped"]),
        ("nonsense", ["ending", "live", "stopped", "ended"]),
    ],
)
def test_the_list_can_be_filtered_by_state(web, issue, owner, state, names):
    now = timezone.now()
    issue(name="live")
    issue(name="ending", expires_at=now + timedelta(days=14))
    issue(name="ended", expires_at=now - timedelta(seconds=1))
    issue(name="stopped", expires_at=now - timedelta(days=1))[0].revoke(by=owner, now=now)

    assert names_on(web.get(LIST, {"state": state})) == names


def test_a_key_is_found_by_a_part_of_its_name_and_by_its_id(web, issue):
    key, raw = issue(name="Nightly import")
    issue(name="Other")

    for text in ("IGHTLY", key.key_id, key.masked, raw):
        assert names_on(web.get(LIST, {"q": text}, follow=True)) == ["Nightly import"]


def test_a_whole_key_typed_into_the_search_is_not_shown_again(web, issue):
    for number in range(30):
        issue(name=f"Key {number}")
    raw = issue()[1]

    response = web.get(LIST, {"q": f"Key {raw}"})

    assert secret_of(raw) not in response.content.decode()
    assert secret_of(raw) not in response.url


@pytest.mark.parametrize("around", ["Bearer {}", "Authorization: Bearer {}", "WIZCHAT_API_KEY={}"])
def test_a_key_is_found_by_the_header_or_the_line_that_has_it(web, issue, around):
    issue(name="Another")
    _key, raw = issue(name="Found in a log")

    response = web.get(LIST, {"q": around.format(raw)}, follow=True)

    assert names_on(response) == ["Found in a log"]


def test_a_key_that_was_never_used_says_so_once(web, issue):
    issue()

    assert '<td><span class="muted">Never used</span></td>' in web.get(LIST).text


@pytest.mark.parametrize(
    "query", [{"q": "\x00"}, {"q": "x" * 5000}, {"page": "x"}, {"page": "99"}, {"page": "-1"}]
)
def test_an_invalid_query_is_not_an_error(web, issue, query):
    issue()

    assert web.get(LIST, query).status_code == 200


def test_there_is_a_filter_above_ten_keys(web, issue, read):
    for number in range(10):
        issue(name=f"Key {number}")
    assert "Search" not in read(web.get(LIST)).labels

    issue()
    assert {"Search", "Status"} <= read(web.get(LIST)).labels.keys()


def test_pages_have_25_keys_and_keep_the_filter(web, issue, read):
    for number in range(30):
        issue(name=f"Robot {number}")

    first = web.get(LIST, {"q": "Robot"})
    second = web.get(LIST + read(first).links["Next"])

    assert [len(names_on(first)), len(names_on(second))] == [25, 5]


def test_the_number_of_queries_does_not_grow_with_the_keys(web, issue, django_assert_num_queries):
    issue()
    with django_assert_num_queries(6):  # session, user, two counts, keys, their usage
        web.get(LIST)
    for _ in range(29):
        issue()
    with django_assert_num_queries(6):
        web.get(LIST)


def test_the_bars_count_the_last_24_hours(web, issue):
    key, _raw = issue()
    now = timezone.now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    KeyUsage.objects.create(key=key, hour=hour, outcome="answered", address="", count=1200, last_at=now)

    assert b"1,200 calls" in web.get(LIST).content


def test_markup_in_a_name_stays_text(web, issue):
    issue(name="<img src=x onerror=alert(1)>")

    html = web.get(LIST).content.decode()

    assert "<img src=x" not in html
    assert "&lt;img src=x" in html


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_only_get_and_head_are_served(web, method):
    assert getattr(web, method)(LIST).status_code == 405
