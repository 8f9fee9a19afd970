"""Requirements for every page. The browser's complaints (CSP, console, other origins) also fail tests."""

from __future__ import annotations

import re

import pytest

from testing.browser.scene import ANYONE, LONG, MEMBERS, OPERATORS

OURS = [*ANYONE, *MEMBERS]
FRAMES = ["login", "list", "generate, mistaken", "reveal", "key, saved", "reference"]
ONES_THAT_MATTER = [
    "login",
    "list",
    "generate",
    "reveal",
    "key",
    "revoke",
    "rotate",
    "activity",
    "key, rotating",
]
ACCOUNT = ["code", "confirm access", "emails", "two-factor, on", "recovery codes", "sessions", "password"]
ABOUT_COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules of axe-core whose result depends on the colours."""
WIDTHS = (320, 768, 900, 1152, 1280)
CUT_OFF = """[...document.querySelectorAll("main *")].filter(element =>
    element.checkVisibility() && !element.closest(".hidden-text, select, input, textarea")
    && getComputedStyle(element).overflowX !== "visible" && element.scrollWidth > element.clientWidth + 1
).map(element => element.outerHTML.slice(0, 120))"""
# A select that is narrower than its longest option hides text behind its arrow.
TIGHT_SELECTS = """[...document.querySelectorAll("main select")].filter(select => {
    const width = select.offsetWidth;
    select.style.maxWidth = "none";
    const wanted = select.offsetWidth;
    select.style.maxWidth = "";
    return wanted > width;
}).length"""
# A control includes its label; a link with text beside it may be as high as its line.
SMALLER_THAN = """least => [
    ...document.querySelectorAll("a, button, input, select, textarea, summary")
].filter(
    element => element.checkVisibility() && !element.closest(".skip")
    && !(getComputedStyle(element.closest("p, li") ?? element).display !== "grid"
         && [...element.closest("p, li")?.childNodes ?? []].some(
             beside => beside.nodeType === Node.TEXT_NODE && beside.data.trim()))
).filter(element => [element, ...element.labels ?? []].every(
    part => Math.min(part.getBoundingClientRect().width, part.getBoundingClientRect().height) < least)
).map(element => element.outerHTML.slice(0, 120))"""
MOVING = """[...document.querySelectorAll("*")].map(element => getComputedStyle(element)).filter(
    style => parseFloat(style.transitionDuration) || style.animationName !== "none"
).length"""


@pytest.mark.parametrize("name", [*OURS, *OPERATORS])
def test_axe_finds_nothing_in_light_and_dark(visit, assert_accessible, name):
    page = visit(name, color_scheme="light", reduced_motion="reduce")
    assert_accessible(page)

    page.emulate_media(color_scheme="dark")
    assert_accessible(page, *ABOUT_COLOURS)


@pytest.mark.parametrize("name", OURS)
def test_nothing_is_cut_off_at_any_width_nor_in_text_of_twice_the_size(visit, name):
    page = visit(name)

    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(CUT_OFF) == []
        assert page.evaluate(TIGHT_SELECTS) == 0
    assert page.evaluate(SMALLER_THAN, 24) == []

    page.context.new_cdp_session(page).send("Page.setFontSizes", {"fontSizes": {"standard": 32}})
    assert page.evaluate("getComputedStyle(document.body).fontSize") == "30px"
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    assert page.evaluate(CUT_OFF) == []


def test_every_page_has_its_own_title_one_heading_and_a_language(browse, scene):
    titles = {}
    for pages, page in ((ANYONE, browse()), (MEMBERS, browse(scene.member))):
        for name, visit in pages.items():
            visit(page, scene)
            assert page.locator("h1").count() == 1, name
            assert page.locator("html").get_attribute("lang") == "en"
            titles[name] = page.title()
            assert titles[name].endswith(" – WizChat")

    assert titles["generate, mistaken"].startswith("Error: ")
    for same in (
        "two-factor, on",
        "emails",
        "confirm access by code",
        "list, second page",
        "list, nothing found",
        "reference, signed in",
        "key, replacing",
        "key, checked",
        "activity of a key",
    ):
        titles.pop(same)
    assert len(set(titles.values())) == len(titles)


@pytest.mark.parametrize("name", FRAMES)
def test_the_skip_link_comes_first_and_leads_to_the_content(visit, name):
    page = visit(name)
    page.evaluate(
        "document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute('tabindex')"
    )

    page.keyboard.press("Tab")

    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    assert page.locator(".skip").bounding_box()["height"] > 24
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("name", [*ONES_THAT_MATTER, *ACCOUNT, "reference"])
def test_touch_targets_are_large_enough(visit, name):
    page = visit(name, has_touch=True, is_mobile=True, viewport={"width": 400, "height": 800})

    assert page.evaluate(SMALLER_THAN, 44) == []


@pytest.mark.parametrize("name", ONES_THAT_MATTER)
def test_a_page_is_small_and_makes_few_requests(browse, scene, name):
    page = browse(None if name in ANYONE else scene.member)
    loaded = {}
    page.on("response", lambda response: loaded.setdefault(response.url, response))

    (ANYONE | MEMBERS)[name](page, scene)
    page.wait_for_load_state("networkidle")

    assert len(loaded) <= 8
    assert sum(response.request.sizes()["responseBodySize"] for response in loaded.values()) <= 60 * 1024


def test_style_sheets_and_scripts_are_compressed(browse, scene):
    page, codings = browse(scene.member), {}
    page.on("response", lambda response: codings.setdefault(response.url, response.headers))

    MEMBERS["list"](page, scene)
    page.wait_for_load_state("networkidle")

    of_files = [headers.get("content-encoding") for url, headers in codings.items() if "/static/" in url]
    assert set(of_files) == {"gzip"}


@pytest.mark.parametrize("name", ONES_THAT_MATTER)
def test_forced_colours_keep_every_border(visit, name):
    page = visit(name, forced_colors="active")

    for box in page.locator(".card, .badge, .notice, .button:not(.quiet)").all():
        assert box.evaluate("box => getComputedStyle(box).borderTopStyle") == "solid"
        assert box.evaluate("box => getComputedStyle(box).borderTopColor") != "rgba(0, 0, 0, 0)"


# What acts as a button without a border or outline around it.
WITHOUT_EDGE = """[...document.querySelectorAll(
    "button, input[type=submit], .button, .submit-row a, .object-tools a"
)].filter(element => element.checkVisibility() && !element.matches(".button.placeholder")).filter(element => {
    const style = getComputedStyle(element);
    const drawn = (line, colour) => line !== "none" && colour !== "rgba(0, 0, 0, 0)";
    return !drawn(style.borderTopStyle, style.borderTopColor)
        && !drawn(style.outlineStyle, style.outlineColor);
}).map(element => element.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("name", [*ONES_THAT_MATTER, *OPERATORS])
def test_forced_colours_show_the_edge_of_every_button(visit, name):
    assert visit(name, forced_colors="active").evaluate(WITHOUT_EDGE) == []


@pytest.mark.parametrize("name", ["activity", "admin, user", "admin, audit log"])
def test_times_are_in_the_readers_zone(visit, name):
    page = visit(name, timezone_id="Asia/Kathmandu")

    times = page.locator("time[data-at=full]").all_inner_texts()

    assert times
    assert all(re.search("GMT[+]5:45$", time) for time in times), times


def test_nothing_moves_for_users_who_prefer_reduced_motion(visit):
    assert visit("list").evaluate(MOVING) > 0
    assert visit("list", reduced_motion="reduce").evaluate(MOVING) == 0


@pytest.mark.parametrize("name", [*ONES_THAT_MATTER, *ACCOUNT])
def test_without_script_nothing_is_missing_but_the_copy_buttons(visit, name):
    texts = []
    for script in (True, False):
        page = visit(name, java_script_enabled=script)
        # The two pages may have been rendered in different minutes.
        lines = re.sub(r"\d\d:\d\d|just now|\d+\sminutes? ago", "", page.locator("main").inner_text()).split(
            "\n"
        )
        texts.append(
            [line for line in lines if "wzc_" not in line and line not in {"", "Copy", "Copy as header"}]
        )

    assert texts[0] == texts[1]


def test_a_long_name_and_many_addresses_stay_in_their_place(visit):
    page = visit("key, long name", viewport={"width": 320, "height": 800})

    assert page.get_by_role("heading", level=1).inner_text() == LONG
    assert page.get_by_label("Allowed IP addresses").input_value().count("\n") == 19


def test_a_list_of_25_keys_is_not_long_on_a_phone(visit):
    page = visit("list", viewport={"width": 320, "height": 800})

    assert page.locator("tbody tr").count() == 25
    assert page.evaluate("document.documentElement.scrollHeight") <= 4500


@pytest.mark.parametrize("name", ["key", "key, rotating"])
def test_a_keys_page_in_text_of_twice_the_size_fits_a_phone(visit, name):
    page = visit(name, viewport={"width": 320, "height": 800})

    page.context.new_cdp_session(page).send("Page.setFontSizes", {"fontSizes": {"standard": 32}})

    assert page.evaluate("getComputedStyle(document.body).fontSize") == "30px"
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("name", ["revoke", "activity", "list"])
def test_a_link_of_one_letter_is_wide_enough_to_hit(visit, name):
    page = visit(name)

    page.evaluate("document.querySelectorAll('.crumbs a, .data a').forEach(it => { it.textContent = 'i' })")

    assert page.evaluate(SMALLER_THAN, 24) == []


@pytest.mark.parametrize("width", [320, 600, 768, 1280])
def test_revoke_is_at_the_same_place_whether_or_not_rotate_is_possible(visit, width):
    places = set()
    for name in ("key", "key, rotating"):
        page = visit(name, viewport={"width": width, "height": 800})
        places.add(page.get_by_role("link", name="Revoke key").bounding_box()["x"])
        if width == 320:
            places.add(page.get_by_role("heading", level=1).bounding_box()["x"])

    assert len(places) == 1


@pytest.mark.parametrize("width", [320, 768, 1280])
def test_the_list_says_when_a_rotated_key_ends(visit, width):
    page = visit("list", viewport={"width": width, "height": 800})

    assert page.get_by_text(re.compile(r"^Rotating, ends \d+ \w+ \d\d:\d\d$")).is_visible()
    assert page.locator(".ends").first.is_visible()


def test_an_event_takes_four_lines_on_a_phone(visit):
    page = visit("activity of a key", viewport={"width": 320, "height": 800})

    heights = [row.bounding_box()["height"] for row in page.locator("tbody tr").all()]

    assert len(heights) == 2
    assert max(heights) <= 130


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_404_page_is_accessible_and_fits_a_phone(browse, complaints, assert_accessible, scheme):
    page = browse(color_scheme=scheme, viewport={"width": 320, "height": 800})

    page.goto("/nowhere/")

    assert "404" in complaints.pop()
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.get_by_role("link", name="Go to your API keys").click()
    page.get_by_role("heading", name="Sign in").wait_for()
