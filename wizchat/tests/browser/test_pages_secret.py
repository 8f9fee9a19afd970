"""The only page that shows a new key: the key can be copied there, and is gone after leaving the page."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Error

from apikeys.core.keyformat import masked, parse
from testing.browser.scene import create
from testing.keys import id_of, secret_of

SECRET = re.compile(r"wzc_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}")
NO_CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', { value: undefined })"


def shown_in(page):
    """Return the key in a page's document, or ``None``."""
    found = SECRET.search(page.content())
    return found and found[0]


@pytest.fixture
def revealed(signed_in_page):
    create(signed_in_page)
    return signed_in_page


def test_the_heading_takes_focus_and_the_key_is_whole(revealed):
    assert revealed.evaluate("document.activeElement.textContent") == "Save your new key"
    assert parse(revealed.locator("#secret").inner_text())


def test_one_click_selects_the_whole_key(plain_page):
    create(plain_page)

    plain_page.locator("#secret").click()

    assert plain_page.evaluate("getSelection().toString()") == shown_in(plain_page)


def leave(page):
    """Leave a new key's page for its own page; return the key."""
    raw = shown_in(page)
    page.get_by_role("link", name="I've saved my key").click()
    page.get_by_role("heading", name="Browser key").wait_for()
    return raw


def test_back_does_not_bring_the_key_back(revealed):
    raw = leave(revealed)
    revealed.get_by_role("link", name="API keys", exact=True).first.click()
    revealed.get_by_role("heading", name="API keys").wait_for()

    for address in (f"/settings/api/{id_of(raw)}/", "/settings/api/new/"):
        revealed.go_back()
        assert revealed.url.endswith(address)
        assert secret_of(raw) not in revealed.content()


def test_back_does_not_bring_the_key_back_without_script(plain_page):
    create(plain_page)
    raw = leave(plain_page)

    # The page was a response to POST that isn't stored: the browser would have to send it again.
    with pytest.raises(Error, match="ERR_CACHE_MISS"):
        plain_page.go_back()

    plain_page.wait_for_url("chrome-error://**")
    assert secret_of(raw) not in plain_page.content()


def test_a_page_kept_by_the_browser_was_wiped_when_it_was_left(revealed):
    raw = shown_in(revealed)

    revealed.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")

    assert secret_of(raw) not in revealed.content()
    assert revealed.locator("#secret").inner_text() == masked(id_of(raw))


def test_a_reload_shows_the_key_without_its_secret(revealed):
    raw = shown_in(revealed)

    revealed.reload()

    assert revealed.get_by_role("heading", name="Browser key").is_visible()
    assert secret_of(raw) not in revealed.content()
    assert id_of(raw) in revealed.url


def test_a_second_tab_at_the_same_address_shows_no_secret(revealed):
    raw = shown_in(revealed)
    tab = revealed.context.new_page()

    tab.goto(revealed.url)

    assert secret_of(raw) not in tab.content()


def test_the_secret_is_in_no_storage_and_no_address(revealed):
    secret = secret_of(shown_in(revealed))

    kept = revealed.evaluate(
        "JSON.stringify([localStorage, sessionStorage, document.cookie, history.state, location])"
    )
    assert secret not in kept
    assert secret not in str(revealed.context.cookies())


def test_a_double_click_creates_one_key_and_shows_it(signed_in_page):
    page = signed_in_page
    page.goto("/settings/api/new/")
    page.get_by_label("Name", exact=True).fill("Twice")

    page.get_by_role("button", name="Create", exact=True).dblclick()

    page.get_by_role("heading", name="Save your new key").wait_for()
    assert shown_in(page)
    page.goto("/settings/api/")
    assert page.get_by_role("link", name="Twice", exact=True).count() == 1


def test_enter_in_the_name_creates(signed_in_page):
    signed_in_page.goto("/settings/api/new/")
    signed_in_page.get_by_label("Name", exact=True).fill("By Enter")

    signed_in_page.keyboard.press("Enter")

    signed_in_page.get_by_role("heading", name="Save your new key").wait_for()


@pytest.mark.parametrize(("button", "prefix"), [("Copy", ""), ("Copy as header", "Authorization: Bearer ")])
def test_copy_takes_the_whole_key_and_says_so(browse, member, button, prefix):
    page = browse(member, permissions=["clipboard-read", "clipboard-write"])
    create(page)
    width = page.get_by_role("button", name=button, exact=True).bounding_box()["width"]

    page.get_by_role("button", name=button, exact=True).click()

    page.get_by_role("status").get_by_text("Copied").wait_for(state="attached")
    assert page.evaluate("navigator.clipboard.readText()") == prefix + shown_in(page)
    assert page.get_by_role("button", name="Copied").bounding_box()["width"] == width
    page.get_by_role("button", name=button, exact=True).wait_for()
    assert page.get_by_role("status").text_content() == ""


def test_copy_works_without_a_clipboard(browse, member):
    page = browse(member)
    page.add_init_script(NO_CLIPBOARD)
    page.add_init_script(
        "document.addEventListener('copy', () => { window.copied = getSelection().toString() })"
    )
    create(page)

    page.get_by_role("button", name="Copy", exact=True).click()

    page.get_by_role("status").get_by_text("Copied").wait_for(state="attached")
    assert page.evaluate("copied") == shown_in(page)


def test_where_nothing_can_copy_the_key_is_selected_for_the_user_to_copy(browse, member):
    page = browse(member)
    page.add_init_script(f"{NO_CLIPBOARD}; document.execCommand = () => false")
    create(page)
    width = page.locator(".copy").first.bounding_box()["width"]

    page.get_by_role("button", name="Copy", exact=True).click()

    assert page.locator(".copy").first.bounding_box()["width"] == width
    page.get_by_role("status").get_by_text("Press Ctrl+C").wait_for(state="attached")
    assert page.evaluate("getSelection().toString()") == shown_in(page)
