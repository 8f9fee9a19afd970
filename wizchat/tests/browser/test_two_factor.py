"""Signing in with an authenticator app, in the browser."""

from __future__ import annotations

import time

import pytest

from testing.accounts import code_for


def sign_in(page, member):
    page.goto("/accounts/login/")
    page.get_by_label("Username or email").fill(member.username)
    page.get_by_label("Password").fill(member.password)
    page.get_by_role("button", name="Sign in").click()


def fresh_code(page, secret):
    """Return a code that stays right while it is typed."""
    left = 30 - time.time() % 30
    if left < 8:
        page.wait_for_timeout(1000 * left)
    return code_for(secret)


@pytest.mark.parametrize("script", [True, False])
def test_an_app_is_set_up_and_then_signs_in_and_a_recovery_code_does_too(browse, member, script):
    page = browse(java_script_enabled=script)
    sign_in(page, member)
    page.get_by_role("link", name="Two-factor").click()
    page.get_by_role("link", name="Set up an app").click()
    secret = page.locator("code").inner_text()
    assert page.get_by_role("img", name="QR code").bounding_box()["width"] >= 200
    page.get_by_label("Authenticator code").fill(fresh_code(page, secret))
    page.get_by_role("button", name="Turn on").click()
    page.get_by_role("heading", name="Recovery codes").wait_for()
    recovery = page.get_by_role("list", name="Unused codes").get_by_role("listitem").first.inner_text()

    again = browse(java_script_enabled=script)
    sign_in(again, member)
    again.get_by_role("heading", name="Enter your code").wait_for()
    again.goto("/settings/api/")
    again.get_by_role("heading", name="Enter your code").wait_for()
    again.get_by_label("Code").fill("000000")
    again.keyboard.press("Enter")
    again.get_by_role("link", name="Code: Incorrect code.").wait_for()
    again.get_by_label("Code").fill(fresh_code(again, secret))
    again.keyboard.press("Enter")
    again.get_by_role("heading", name="API keys").wait_for()

    third = browse(java_script_enabled=script)
    sign_in(third, member)
    third.get_by_label("Code").fill(recovery)
    third.keyboard.press("Enter")
    third.get_by_role("heading", name="API keys").wait_for()


def test_tab_goes_from_the_name_to_the_password(page):
    page.goto("/accounts/login/")
    page.get_by_label("Username or email").focus()

    page.keyboard.press("Tab")

    assert page.evaluate("document.activeElement.type") == "password"
