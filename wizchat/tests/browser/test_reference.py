"""The API reference in a browser: folded for an overview, and complete when unfolded."""

from __future__ import annotations

import pytest

from wizchat.tests.browser.test_pages_every import CUT_OFF

UNFOLD = "for (const part of document.querySelectorAll('details')) { part.name = ''; part.open = true; }"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_unfolded_it_is_accessible_and_fits_a_phone(visit, assert_accessible, scheme):
    page = visit("reference", color_scheme=scheme, viewport={"width": 320, "height": 800})

    page.evaluate(UNFOLD)

    assert page.locator("details:not([open])").count() == 0
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert page.evaluate(CUT_OFF) == []


def test_folded_it_is_not_long_on_a_phone(visit):
    page = visit("reference", viewport={"width": 320, "height": 800})

    assert page.evaluate("document.documentElement.scrollHeight") <= 18_000


def test_the_contents_lead_to_every_section(visit):
    page = visit("reference")

    targets = page.locator(".contents a").evaluate_all("links => links.map(link => link.hash.slice(1))")
    sections = page.locator(".reference section").evaluate_all(
        "sections => sections.map(section => section.getAttribute('aria-labelledby'))"
    )
    assert sorted(targets) == sorted(sections)
    page.locator(".contents").get_by_role("link", name="Rotate a key").click()
    assert 0 <= page.locator("#rotateKey").bounding_box()["y"] < 100


@pytest.mark.parametrize("has_script", [True, False])
def test_a_sample_is_opened_with_and_without_script(visit, has_script):
    page = visit("reference", java_script_enabled=has_script)
    created = page.locator("section[aria-labelledby=createKey]")
    assert created.locator("pre", has_text="curl -X POST").is_visible()

    created.locator("summary", has_text="Python").click()

    assert created.locator("pre", has_text="requests.request").is_visible()
    assert not created.locator("pre", has_text="curl -X POST").is_visible()
    other = page.locator("section[aria-labelledby=listKeys] pre", has_text="requests.request")
    assert other.is_visible() is has_script


def test_samples_stay_where_they_are_when_others_above_change(visit):
    page = visit("reference")
    python = page.locator("section[aria-labelledby=rotateKey] summary", has_text="Python")
    python.scroll_into_view_if_needed()
    before = python.bounding_box()["y"]

    python.click()

    page.wait_for_function("document.querySelectorAll('details[data-language=Python][open]').length > 1")
    page.evaluate("new Promise(requestAnimationFrame)")
    assert abs(python.bounding_box()["y"] - before) <= 1


@pytest.mark.parametrize("width", [960, 1152, 1280])
def test_the_contents_stay_in_view(visit, width):
    page = visit("reference", viewport={"width": width, "height": 800})
    link = page.locator(".contents").get_by_role("link", name="Leaked keys", exact=True)
    assert page.locator(".contents").bounding_box()["y"] >= 0

    link.click()

    box = link.bounding_box()
    assert 0 <= box["y"] <= 800 - box["height"]
    main = page.locator("#leaks").bounding_box()
    assert main["x"] + main["width"] <= page.locator(".contents").bounding_box()["x"]
