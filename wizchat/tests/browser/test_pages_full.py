"""Pages with values of full length, and of a key that is used from many addresses."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

NAME = "nobody.would.choose.such.a.long.user.name.but.somebody.has@example.com"
FURNISH = """
from datetime import timedelta
from django.contrib.auth.models import User
from django.utils import timezone
from apikeys.models import APIKey, KeyUsage, Origin, Permission

def address(number):
    return f"2001:db8:1234:5678:9abc:def0:1234:{number + 4096:x}"

user = User.objects.get(username=%(username)r)
user.username = user.first_name = %(name)r
user.is_staff = user.is_superuser = True
user.save()
now = timezone.now()
key, _raw = APIKey.objects.issue(
    owner=user, by=user, name="Used from everywhere", permissions=Permission.READ, now=now,
    expires_at=now + timedelta(days=30),
)
for first in range(0, 100, 20):
    networks = "\\n".join(address(number) for number in range(first, first + 40))
    key.change(by=user, now=now, origin=Origin(address(0)), allowed_networks=networks)
APIKey.objects.issue(owner=user, by=user, name="W" * 80, permissions=Permission.READ, now=now)
new, _raw = key.rotate(by=user, now=now, overlap=timedelta(days=1))
APIKey.objects.filter(pk=key.pk).update(
    last_used_at=now, last_used_ip=address(0), last_used_method="GET", last_used_route="/v1/chatbots"
)
hour = now.replace(minute=0, second=0, microsecond=0)
KeyUsage.objects.bulk_create(
    KeyUsage(key=used, hour=hour, outcome=outcome, address=address(number), count=1, last_at=now)
    for used in (key, new) for number in range(130) for outcome in ("answered", "address")
)
print(key.key_id)
"""
ADMIN_CUT_OFF = """[...document.querySelectorAll("#content, #content *")].filter(element =>
    element.checkVisibility() && getComputedStyle(element).overflowX !== "visible"
    && !element.closest("select, input, textarea, .visually-hidden")
    && element.scrollWidth > element.clientWidth + 1
).map(element => element.outerHTML.slice(0, 120))"""

# An address that takes more than one line.
BROKEN_ADDRESSES = """[...document.querySelectorAll("main .address")].filter(address => {
    const range = document.createRange();
    range.selectNodeContents(address);
    return new Set([...range.getClientRects()].map(box => box.top)).size > 1;
}).map(address => address.closest("section, form").textContent.trim().slice(0, 40))"""


@pytest.fixture(scope="module")
def full(server):
    """An operator with a long name, and the path of a key with many long addresses."""
    member = server.new_member()
    key_id = server.shell(FURNISH % {"username": member.username, "name": NAME}).strip()
    return SimpleNamespace(member=member, key=f"/settings/api/{key_id}/")


@pytest.fixture
def visit_full(browse, full):
    """Return a function that opens a page of ``full.member``."""

    def visit_full(path, **options):
        page = browse(full.member, **options)
        page.goto(path)
        return page

    return visit_full


@pytest.mark.parametrize("model", ["apikeys/keyevent", "apikeys/apikey", "auth/user"])
def test_no_column_of_the_admin_is_cut_off(visit_full, model):
    page = visit_full(f"/admin/{model}/", viewport={"width": 1280, "height": 800})

    assert page.locator("#result_list").is_visible()
    assert page.evaluate(ADMIN_CUT_OFF) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_nothing_of_what_goes_with_a_deleted_user_is_cut_off(visit_full):
    page = visit_full(f"/admin/auth/user/?q={NAME}", viewport={"width": 1280, "height": 800})
    page.locator("#result_list tbody th a").click()
    page.get_by_role("link", name="Delete").click()

    page.get_by_role("heading", name="Delete").first.wait_for()
    assert page.evaluate(ADMIN_CUT_OFF) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_an_ipv6_address_widens_no_page_and_is_in_one_piece_from_768_pixels(visit_full, full):
    page = visit_full(full.key)

    for width in (320, 768, 900, 1152, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if width >= 768:
            assert page.evaluate(BROKEN_ADDRESSES) == [], width


@pytest.mark.parametrize("page", ["", "rotate/finish/", "revoke/"])
def test_a_page_of_a_key_with_many_callers_stays_small(browse, full, page):
    visited = browse(full.member)
    loaded = {}
    visited.on("response", lambda response: loaded.setdefault(response.url, response))

    visited.goto(f"{full.key}{page}", wait_until="networkidle")

    sizes = {url: response.request.sizes()["responseBodySize"] for url, response in loaded.items()}
    assert sum(sizes.values()) <= 60 * 1024, sizes


def test_what_is_left_out_of_long_tables_is_counted(visit_full, full):
    page = visit_full(full.key)

    more = page.get_by_text(re.compile("more addresses aren't shown")).all_inner_texts()

    assert more == [
        "105 more addresses aren't shown.",  # who has switched
        "15 more addresses aren't shown.",  # allowed
        "105 more addresses aren't shown.",  # callers
    ]
