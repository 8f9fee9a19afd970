"""Signing in with an authenticator app, in the browser."""

from __future__ import annotations

import time

import pytest

from testing.accounts import code_for
from wizchat.tests.browser.conftest import watch


def sign_in(page, member):
    page.goto("/accounts/login/")
    page.get_by_label("Username or email").fill(member.username)
    page.get_by_label("Password").fill(member.password)
    page.get_by_role("button", name="Sign in").click()


def fresh_code(page, secret):
    """Return a code that stays valid while it is typed."""
    left = 30 - time.time() % 30
    if left < 12:
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


@pytest.fixture
def passkey_page(chromium, server, complaints):
    """A page without a session at localhost, in a browser with a virtual authenticator for passkeys."""
    url = f"http://localhost:{server.port}"
    context = chromium.new_context(base_url=url, locale="en-GB")
    watch(context, url, complaints)
    page = context.new_page()
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasUserVerification": True}
    device.send(
        "WebAuthn.addVirtualAuthenticator",
        {"options": options | {"isUserVerified": True, "automaticPresenceSimulation": True}},
    )
    yield page
    context.close()


def test_a_passkey_signs_in_in_place_of_a_code(passkey_page, member, assert_accessible):
    page = passkey_page
    sign_in(page, member)
    page.get_by_role("link", name="Two-factor").click()
    page.get_by_role("link", name="Add a passkey").click()
    assert_accessible(page)
    page.get_by_role("button", name="Add passkey").click()
    page.get_by_role("heading", name="Recovery codes").wait_for()
    page.goto("/accounts/2fa/webauthn/")
    page.get_by_role("heading", name="Passkey 1").wait_for()
    assert_accessible(page)
    page.get_by_role("button", name="Sign out").click()

    sign_in(page, member)
    page.get_by_role("heading", name="Enter your code").wait_for()
    assert_accessible(page)
    page.get_by_role("button", name="Use a passkey").click()
    page.get_by_role("heading", name="API keys").wait_for()

    page.goto("/accounts/2fa/webauthn/reauthenticate/?next=/accounts/sessions/")
    assert_accessible(page)
    page.get_by_role("button", name="Use a passkey").click()
    page.get_by_role("heading", name="Sessions").wait_for()


def test_a_browser_without_the_passkey_gets_an_error_and_stays_signed_out(passkey_page, server, member):
    user = f"User.objects.get(username={member.username!r})"
    server.shell(
        "from django.contrib.auth.models import User\n"
        "from allauth.mfa.totp.internal.auth import TOTP\n"
        f"TOTP.activate({user}, 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP')"
    )
    page = passkey_page
    sign_in(page, member)
    page.get_by_role("heading", name="Enter your code").wait_for()

    assert not page.get_by_role("button", name="Use a passkey").is_visible()
