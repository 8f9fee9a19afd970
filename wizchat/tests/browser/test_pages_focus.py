"""Where the focus starts, moves and returns to."""

from __future__ import annotations

import pytest

from testing.browser.scene import create

FOCUSED = "(document.activeElement.labels?.[0] ?? document.activeElement).innerText.trim()"
RING = """(() => { const style = getComputedStyle(document.activeElement);
    return [style.outlineStyle, parseFloat(style.outlineWidth)] })()"""

IN_VIEW = """(() => { const box = document.activeElement.getBoundingClientRect();
    return box.bottom > 0 && box.top < innerHeight })()"""


def tab_through(page, start, stop):
    """Press Tab from the control called ``start`` to the one called ``stop``; return all names on the way."""
    page.get_by_label(start, exact=True).focus()
    names = [start]
    while names[-1] != stop and len(names) < 30:
        page.keyboard.press("Tab")
        names.append(page.evaluate(FOCUSED))
    return names


def test_the_focus_goes_through_the_form_as_it_is_read(visit):
    page = visit("generate")

    assert tab_through(page, "Name", "Cancel") == [
        "Name",
        "Read",
        "Write",
        "Admin",
        "Expires",
        "Allowed IP addresses",
        "Add my current address",
        "Create",
        "Cancel",
    ]


def test_a_custom_date_is_asked_for_where_it_was_chosen(visit):
    page = visit("generate", java_script_enabled=False)
    assert not page.get_by_label("Expiry date").is_visible()

    page.get_by_label("Expires", exact=True).select_option("date")

    assert page.get_by_label("Expiry date").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["login", "list", "generate", "key", "revoke", "admin"])
def test_the_focused_element_has_a_ring_of_two_pixels(visit, name, scheme):
    page = visit(name, color_scheme=scheme)

    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
        style, width = page.evaluate(RING)
        assert (style in {"solid", "auto"}, width >= 2) == (True, True), page.evaluate(FOCUSED)


def test_the_list_of_errors_takes_the_focus_and_links_to_its_fields(visit):
    page = visit("generate, mistaken")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"

    page.get_by_role("link", name="Choose at least one permission.").click()
    assert page.evaluate(FOCUSED) == "Read"
    page.get_by_role("link", name="Give the key a name.").click()
    assert page.evaluate(FOCUSED) == "Name"

    name = page.get_by_label("Name", exact=True)
    assert name.get_attribute("aria-invalid") == "true"
    described = [
        page.locator(f"#{part}").inner_text() for part in name.get_attribute("aria-describedby").split()
    ]
    assert "Give the key a name." in described


@pytest.mark.parametrize("script", [True, False])
def test_a_success_message_takes_the_focus_and_names_its_key(browse, member, script):
    page = browse(member, java_script_enabled=script)
    create(page, name="Production API")
    page.goto("/settings/api/")

    page.get_by_role("link", name="Revoke Production API").click()
    page.get_by_role("button", name="Revoke key").click()

    said = page.get_by_role("status").filter(has_text="“Production API” was revoked.")
    said.wait_for()
    assert said.evaluate("said => said === document.activeElement")


ADD = "Add my current address"


@pytest.mark.parametrize("script", [True, False])
@pytest.mark.parametrize(
    ("name", "button"),
    [("generate", ADD), ("key, long name", ADD), ("key", "Allow this address 2001:db8::7")],
)
def test_an_added_address_is_in_view_and_its_field_in_focus(visit, name, button, script):
    page = visit(name, java_script_enabled=script)

    with page.expect_navigation():
        page.get_by_role("button", name=button).click()

    assert page.get_by_text("Added. Press").is_visible()
    field = page.get_by_label("Allowed IP addresses", exact=True)
    assert field.evaluate("field => field === document.activeElement")
    assert page.evaluate(IN_VIEW)


@pytest.mark.parametrize("script", [True, False])
def test_what_a_check_says_takes_the_focus(visit, script):
    page = visit("key, checked", java_script_enabled=script)
    assert page.evaluate("document.activeElement.getAttribute('role')") == "status"
    assert page.evaluate(IN_VIEW)

    page.get_by_label("Allowed IP addresses", exact=True).fill("nonsense")
    page.get_by_role("button", name="Check", exact=True).click()

    page.get_by_role("alert").wait_for()
    assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"


def test_cancel_leads_back_to_the_key_in_the_list(visit):
    page = visit("list")
    page.get_by_role("link", name="Revoke Robot 23", exact=True).click()
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("heading", name="API keys").wait_for()

    page.keyboard.press("Tab")

    assert page.evaluate(FOCUSED) == "Robot 23"


def test_a_key_can_be_created_and_revoked_with_only_the_keyboard(signed_in_page):
    page = signed_in_page

    def go_to(name):
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.innerText") == name:
                return page.keyboard.press("Enter")
        raise AssertionError(f"no {name} on {page.url}")

    page.goto("/settings/api/")
    go_to("Generate API Key")
    page.get_by_role("heading", name="Generate an API key").wait_for()
    page.get_by_label("Name", exact=True).focus()
    page.keyboard.type("Keyboard")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Save your new key").wait_for()
    go_to("I've saved my key")
    page.get_by_role("heading", name="Keyboard").wait_for()
    go_to("Revoke key")
    page.get_by_role("heading", name="Revoke “Keyboard”?").wait_for()
    go_to("Revoke key")
    page.get_by_text("“Keyboard” was revoked.").wait_for()
