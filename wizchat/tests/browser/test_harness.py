"""The harness itself: it detects what it should."""

from __future__ import annotations

import pytest

from testing.programs import wait_until


def test_console_errors_and_foreign_requests_are_detected(page, complaints):
    page.goto("/accounts/login/")
    page.evaluate("console.error('so it goes')")
    page.evaluate("fetch('https://example.invalid/').catch(() => {})")
    page.evaluate("setTimeout(() => { throw new Error('unforeseen') })")
    page.evaluate("document.body.setAttribute('style', 'color: red')")

    def missing():
        page.wait_for_timeout(50)  # lets Playwright deliver what the browser reports
        words = ("so it goes", "connect-src", "unforeseen", "style-src")
        return [word for word in words if not any(word in complaint for complaint in complaints)]

    wait_until(lambda: not missing(), "all four complaints")
    complaints.clear()


def test_request_to_another_origin_is_detected(page, complaints):
    page.route("https://example.invalid/**", lambda route: route.fulfill(body="there"))
    page.goto("https://example.invalid/")

    assert any("other origin" in complaint for complaint in complaints)
    complaints.clear()


def test_violation_of_accessibility_is_detected(page, assert_accessible):
    page.goto("/accounts/login/")
    page.evaluate("document.documentElement.removeAttribute('lang')")

    with pytest.raises(AssertionError, match="html-has-lang"):
        assert_accessible(page)


def test_member_is_signed_in(signed_in_page, member):
    signed_in_page.goto("/settings/api/")

    assert signed_in_page.get_by_text(f"Signed in as {member.username}").is_visible()
