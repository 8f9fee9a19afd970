"""Rarely seen pages: a list without keys or with one, and error pages."""

from __future__ import annotations

import json

import pytest

from testing.browser.scene import create

WIDTHS = (320, 768, 1280)
RENDER = """
import json
from django.template.loader import render_to_string
from django.test import Client, override_settings

pages = {name: render_to_string(f"{name}.html") for name in %r}
with override_settings(SIGNUP_OPEN=True):
    pages["sign-up open"] = Client(SERVER_NAME="localhost").get("/accounts/signup/").text
print(json.dumps(pages))
"""
FAULTS = ["400", "403", "403_csrf", "429", "500", "503"]


@pytest.fixture(scope="module")
def rendered(server):
    """The HTML, by name, of pages that this server would never return."""
    return json.loads(server.shell(RENDER % FAULTS))


@pytest.fixture
def assert_sound(assert_accessible):
    """Return a function that fails if a page, in light or dark, isn't accessible or is too wide."""

    def assert_sound(page):
        assert page.locator("h1").count() == 1
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            assert_accessible(page)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width

    return assert_sound


@pytest.mark.parametrize("name", [*FAULTS, "sign-up open"])
def test_a_rare_page_is_sound(page, rendered, assert_sound, name):
    page.route("**/rare/", lambda route: route.fulfill(body=rendered[name], content_type="text/html"))

    page.goto("/rare/")

    assert page.title().endswith(" – WizChat")
    assert_sound(page)


def test_a_list_without_keys_and_a_list_with_one_are_sound(signed_in_page, assert_sound):
    page = signed_in_page
    page.goto("/settings/api/")
    assert page.get_by_role("link", name="Generate API Key").count() == 1
    assert_sound(page)

    create(page, name="The first")
    page.goto("/settings/api/")

    assert page.get_by_role("row").filter(has_text="The first").count() == 1
    assert page.get_by_label("Search").count() == 0
    assert_sound(page)


@pytest.mark.parametrize("path", ["/admin/", "/accounts/password/reset/done/"])
def test_a_page_for_anonymous_users_is_sound(page, assert_sound, path):
    page.goto(path)

    assert_sound(page)
