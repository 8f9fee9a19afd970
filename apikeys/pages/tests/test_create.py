from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from apikeys.core import keyformat
from apikeys.models import APIKey
from testing.keys import id_of, secret_of

NEW = "/settings/api/new/"


def secret_in(response):
    """Return the key on a page, or ``None``."""
    raw = response.context.get("raw")
    assert raw is None or raw in response.content.decode()
    return raw


def in_days(days):
    return (timezone.now() + timedelta(days=days)).date()


def test_an_anonymous_user_is_asked_to_sign_in(db):
    assert Client().post(NEW, {"name": "x", "permissions": "read"}).url.startswith("/accounts/login/")
    assert not APIKey.objects.exists()


def test_the_form_has_its_labels_and_starts_with_read_and_90_days(web, read):
    page = read(web.get(NEW))

    assert set(page.labels) >= {"Name", "Read", "Write", "Admin", "Expires", "Allowed IP addresses"}
    assert page.fields["permissions"] == ["read"]
    assert page.fields["expires"] == "90"
    assert page.fields["name"] == ""


def test_create_is_the_button_that_enter_presses(web, read):
    buttons = read(web.get(NEW)).buttons

    assert buttons.index("Create") < buttons.index("Add my current address")


def test_create_returns_a_key_that_works(send, call, owner):
    response = send(NEW, name="Production API", permissions=["read", "write"])

    assert response.status_code == 200
    raw = secret_in(response)
    assert keyformat.parse(raw)
    assert call(raw).status_code == 200
    key = APIKey.objects.get()
    assert (key.owner, key.created_by, key.name) == (owner, owner, "Production API")
    assert key.granted.names == ["read", "write"]


def test_the_response_with_the_key_is_never_cached(send, web):
    response = send(NEW, name="Production API")

    assert "no-store" in response["Cache-Control"]
    assert response["Referrer-Policy"] == "no-referrer"
    raw = secret_in(response)
    assert secret_of(raw) not in str(dict(web.session)) + str(web.cookies)
    assert secret_of(raw) not in str(response.headers)


def test_the_curl_line_calls_the_site_and_not_the_requests_host(send, settings):
    settings.SITE_URL = "https://api.example.com"

    html = send(NEW, name="Production API").content.decode()

    assert "$WIZCHAT_API_KEY&quot; https://api.example.com/v1/chatbots" in html.replace('"', "&quot;")
    assert "testserver" not in html


def test_the_key_is_not_shown_again(send, web):
    raw = secret_in(send(NEW, name="Production API"))

    for path in ("/settings/api/", f"/settings/api/{id_of(raw)}/", NEW):
        assert secret_of(raw) not in web.get(path).content.decode()


def test_the_response_with_the_key_has_no_form_because_its_referrer_policy_would_break_it(send):
    assert b"<form" not in send(NEW, name="Production API").content


def test_the_same_form_sent_twice_creates_one_key_and_shows_it_once(web, read):
    filled = read(web.get(NEW)).fields | {"name": "Production API"}

    first, second = web.post(NEW, filled), web.post(NEW, filled)

    raw = secret_in(first)
    assert secret_in(second) is None
    assert secret_of(raw) not in second.content.decode()
    assert b"This key was already created" in second.content
    assert f"/settings/api/{id_of(raw)}/" in second.content.decode()
    assert APIKey.objects.count() == 1


@pytest.mark.parametrize("token", [None, "", "garbage", "x" * 22, "a:b"])
def test_an_invalid_token_creates_nothing_and_loses_no_input(send, web, read, token):
    response = send(NEW, name="Production API", permissions=["write"], expires="never", form_token=token)

    assert b"out of date" in response.content
    assert not APIKey.objects.exists()
    fields = read(response).fields
    assert (fields["name"], fields["permissions"], fields["expires"]) == (
        "Production API",
        ["write"],
        "never",
    )
    assert secret_in(web.post(NEW, fields))


def test_another_users_token_creates_nothing(send, stranger_web, read):
    token = read(stranger_web.get(NEW)).fields["form_token"]

    assert b"out of date" in send(NEW, name="x", form_token=token).content


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"name": ""}, "Give the key a name."),
        ({"name": "   "}, "Give the key a name."),
        ({"name": "\u200b\u2060"}, "Give the key a name with visible characters."),
        ({"name": "\u2067abc"}, "A name can&#x27;t contain characters that change the direction of text."),
        ({"name": "x" * 81}, "A name can have at most 80 characters; this one has 81."),
        ({"name": "one\ntwo"}, "A name can&#x27;t contain control characters"),
        ({"name": "nul\x00"}, "Null characters are not allowed."),
        ({"permissions": []}, "Choose at least one permission."),
        ({"permissions": ["root"]}, "“root” is not a permission."),
        ({"expires": ""}, "Choose when the key expires."),
        ({"expires": "91"}, "Choose one of the listed expiry options."),
        ({"expires": "date"}, "Choose an expiry date."),
        ({"expires": "date", "expires_on": "2001-01-01"}, "1 January 2001 is in the past."),
        ({"expires": "date", "expires_on": "9999-12-31"}, "That date is too far in the future."),
        ({"expires": "date", "expires_on": "31.12.2030"}, "Enter a date such as 2030-12-31."),
        ({"allowed_networks": "::1\n1.0.0.0/33"}, 'Line 2: "1.0.0.0/33" is not an IP address or range.'),
        ({"allowed_networks": "1.0.0.1\n1.0.0.1\nx"}, 'Line 3: "x" is not an IP address or range.'),
    ],
)
def test_a_mistake_is_explained_and_nothing_is_created(send, values, said):
    response = send(NEW, **{"name": "Production API"} | values)

    html = response.content.decode().replace("&quot;", '"')
    assert said in html
    assert "<title>Error: " in html
    assert 'role="alert"' in html
    assert not APIKey.objects.exists()


def test_mistakes_lose_no_input(send, read):
    typed = {"name": "x" * 81, "permissions": ["admin"], "expires": "365", "allowed_networks": "10.0.0.0/33"}

    fields = read(send(NEW, **typed)).fields

    assert {name: fields[name] for name in typed} == typed


def test_an_empty_form_gets_the_usual_errors(web):
    assert b"Give the key a name." in web.post(NEW).content


def test_a_form_without_the_addresses_field_means_any_address(send):
    response = send(NEW, name="CI", permissions=["read"], allowed_networks=None)

    assert response.status_code == 200
    assert secret_in(response)


def test_every_error_in_the_summary_leads_to_its_field(send, read):
    response = send(NEW, name="", permissions=[], expires="date", allowed_networks="x")

    html = response.content.decode()
    targets = [link for link in read(response).links.values() if link.startswith("#id_")]
    assert len(targets) == 4
    for target in targets:
        assert f'id="{target[1:]}"' in html


@pytest.mark.parametrize("days", [30, 90, 365])
def test_a_lifetime_is_shown_with_its_date_and_counts_from_now(send, web, days):
    assert f"{days} days – {in_days(days):%-d %b %Y}" in web.get(NEW).content.decode()

    send(NEW, name="Production API", expires=str(days))

    left = APIKey.objects.get().expires_at - timezone.now()
    assert timedelta(days=days) - timedelta(minutes=1) < left <= timedelta(days=days)


def test_a_key_may_never_expire(send):
    send(NEW, name="Production API", expires="never", expires_on="2001-01-01")

    assert APIKey.objects.get().expires_at is None


@pytest.mark.parametrize("days", [0, 1, 3660])
def test_a_custom_date_lasts_to_its_end_in_utc(send, days):
    send(NEW, name="Production API", expires="date", expires_on=in_days(days).isoformat())

    assert APIKey.objects.get().expires_at == datetime.combine(in_days(days), time.max, UTC)


def test_a_link_fills_the_form_and_creates_nothing(web, read):
    fields = read(web.get(NEW, {"name": "Zapier", "permissions": "read, WRITE"})).fields

    assert (fields["name"], fields["permissions"]) == ("Zapier", ["read", "write"])
    assert not APIKey.objects.exists()


@pytest.mark.parametrize("permissions", ["", "root", "read write", "\x00", ",,,"])
def test_a_link_with_nonsense_fills_what_it_can(web, read, permissions):
    fields = read(web.get(NEW, {"name": "Zap\x00ier\u202e" + "x" * 100, "permissions": permissions})).fields

    assert fields["name"] == ("Zapier" + "x" * 100)[:80]
    assert fields["permissions"] in (["read"], ["read", "write"])


def test_the_users_address_is_added_and_nothing_is_validated_or_created(send, read):
    response = send(NEW, name="", permissions=[], allowed_networks="nonsense", add_address="1")

    assert not APIKey.objects.exists()
    assert b'role="alert"' not in response.content
    assert read(response).fields["allowed_networks"] == "nonsense\n127.0.0.1"


def test_the_users_address_is_added_only_once(send, read):
    fields = read(send(NEW, allowed_networks="127.0.0.1", add_address="1")).fields

    assert fields["allowed_networks"] == "127.0.0.1"


def test_the_users_address_is_the_one_that_the_api_checks(web, read, settings):
    from ipaddress import ip_network

    settings.TRUSTED_PROXIES = (ip_network("127.0.0.1"),)
    headers = {"X-Forwarded-For": "6.6.6.6, 203.0.113.7"}

    response = web.post(NEW, {"add_address": "1"}, headers=headers)

    assert read(response).fields["allowed_networks"] == "203.0.113.7"


def test_an_unknown_address_cannot_be_added_and_breaks_nothing(web, settings):
    from ipaddress import ip_network

    settings.TRUSTED_PROXIES = (ip_network("127.0.0.1"),)

    response = web.get(NEW, headers={"X-Forwarded-For": "unknown"})

    assert b"Your current address is unknown." in response.content


def test_addresses_are_shown_as_they_are_stored(send):
    response = send(NEW, name="x", allowed_networks="10.0.0.5/24\n2001:DB8::1\n127.0.0.1")

    html = response.content.decode()
    assert "10.0.0.5/24 was saved as 10.0.0.0/24." in html
    assert "2001:DB8::1 was saved as 2001:db8::1." in html
    assert "127.0.0.1 was saved" not in html


def test_a_list_that_may_be_a_mistake_is_accepted_with_a_warning(send):
    assert b"0.0.0.0/0 is every IPv4 address" in send(NEW, name="x", allowed_networks="0.0.0.0/0").content
    own = send(NEW, name="x", allowed_networks="8.8.8.8").content
    assert b"Your current address (127.0.0.1) isn&#x27;t allowed" in own
    assert b"is a private range" not in send(NEW, name="x", allowed_networks="10.0.0.0/8").content
    assert APIKey.objects.count() == 3


def test_behind_a_proxy_a_private_range_is_accepted_with_a_warning(send, settings):
    from ipaddress import ip_network

    settings.TRUSTED_PROXIES = (ip_network("10.9.9.9"),)

    html = send(NEW, name="x", allowed_networks="10.0.0.0/8, 10.1.2.3").content.decode()

    assert "10.0.0.0/8 is a private range." in html
    assert "10.1.2.3 is a private address." in html


def test_a_key_cannot_be_the_name_of_a_key(send, issue):
    raw = issue()[1]

    assert b"This looks like an API key." in send(NEW, name=raw).content
    assert APIKey.objects.count() == 1


def test_a_request_from_another_site_creates_nothing(owner):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)

    response = client.post(NEW, {"name": "x", "permissions": "read", "expires": "never"})

    assert response.status_code == 403
    assert b"This form has expired" in response.content
    assert not APIKey.objects.exists()


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options"])
def test_other_methods_are_not_served(web, method):
    assert getattr(web, method)(NEW).status_code == 405
