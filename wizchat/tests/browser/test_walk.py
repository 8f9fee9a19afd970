"""The walk of a first-time user: with the mouse, with only the keyboard, and with scripting disabled."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from testing.keys import id_of, secret_of

NO_KEY = {"error": {"code": "UNAUTHORIZED", "message": "API key required"}}
WRONG_KEY = {"error": {"code": "UNAUTHORIZED", "message": "Invalid API key"}}
REVOKED = {"error": {"code": "UNAUTHORIZED", "message": "API key has been revoked"}}
ELSEWHERE = {"error": {"code": "FORBIDDEN", "message": "IP address not allowed"}}
LACKS_WRITE = {"error": {"code": "FORBIDDEN", "message": 'This API key lacks the "write" permission'}}
MOST_TABS = 80


class Mouse:
    def press(self, target):
        target.click()

    def write(self, target, text):
        target.fill(text)


class Keyboard:
    """Only Tab, Space, Enter and letters."""

    def press(self, target):
        self.reach(target)
        target.page.keyboard.press("Space" if target.get_attribute("type") == "checkbox" else "Enter")

    def write(self, target, text):
        self.reach(target)
        target.page.keyboard.press("Control+A")
        target.page.keyboard.press("Delete")
        target.page.keyboard.insert_text(text)

    def reach(self, target):
        expect(target).to_be_visible()
        for _ in range(MOST_TABS):
            if target.evaluate("element => element === document.activeElement"):
                return
            target.page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not reach {target}")


class Visitor:
    """A person with a browser, who finds things by their names and acts on them by hand."""

    def __init__(self, page, hand):
        self.page, self.hand = page, hand

    def field(self, label):
        return self.page.get_by_label(label, exact=True)

    def write(self, label, text):
        self.hand.write(self.field(label), text)

    def press(self, role, name):
        self.hand.press(self.page.get_by_role(role, name=name, exact=True))

    def sees(self, text):
        expect(self.page.get_by_role("main")).to_contain_text(text)

    def takes_the_key(self):
        self.sees("You won't be able to see this key again.")
        return self.page.locator("#secret").inner_text()

    def row(self, key):
        return self.page.locator(f"tr[id='{id_of(key)}']")


@pytest.fixture(scope="module")
def password(server):
    """The demo account's password, which ``manage.py demo`` prints the first time."""
    return re.search(r"Password: (\S+)", server.manage("demo"))[1]


@pytest.fixture(params=["mouse", "keyboard", "no scripting"])
def visitor(request, browse):
    page = browse(java_script_enabled=request.param != "no scripting")
    return Visitor(page, Keyboard() if request.param == "keyboard" else Mouse())


def test_walk(visitor, server, password):
    sign_in(visitor, password)
    key = generate(visitor, "Production API")
    chatbot = call_with_it_and_without(server, key)
    widen_its_permissions(visitor, server, key, chatbot)
    find_it_in_the_list(visitor, key)
    restrict_it_to_other_addresses(visitor, server, key)
    successor = rotate_it(visitor, server, key)
    revoke_it(visitor, server, key, "Production API")
    assert server.call(successor)[0] == 200


def sign_in(visitor, password):
    visitor.page.goto("/")
    visitor.write("Username or email", "demo")
    visitor.write("Password", password)
    visitor.press("button", "Sign in")
    expect(visitor.page).to_have_url(re.compile("/settings/api/$"))


def generate(visitor, name):
    visitor.hand.press(visitor.page.get_by_role("link", name="Generate API Key").first)
    visitor.write("Name", name)
    expect(visitor.field("Read")).to_be_checked()
    visitor.press("button", "Create")
    key = visitor.takes_the_key()
    visitor.press("link", "I've saved my key")
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text(name)
    assert secret_of(key) not in visitor.page.content()
    return key


def call_with_it_and_without(server, key):
    status, page = server.call(key)
    assert (status, len(page["results"])) == (200, 2)
    assert server.call(None) == (401, NO_KEY)
    assert server.call(key[:-1] + ("0" if key[-1] != "0" else "1")) == (401, WRONG_KEY)
    chatbot = page["results"][0]["id"]
    assert server.call(key, f"/v1/chatbots/{chatbot}/queries")[0] == 200
    return f"/v1/chatbots/{chatbot}"


def widen_its_permissions(visitor, server, key, chatbot):
    question = {"message": "How can I reset my password?"}
    assert server.call(key, f"{chatbot}/messages", method="POST", body=question) == (403, LACKS_WRITE)

    visitor.hand.press(visitor.field("Write"))
    visitor.press("button", "Save")
    visitor.sees("“Production API” was saved.")

    status, query = server.call(key, f"{chatbot}/messages", method="POST", body=question)
    assert (status, bool(query["answer"])) == (201, True)
    assert server.call(key, chatbot, method="PATCH", body={"description": "Changed"})[0] == 200
    assert server.call(key, chatbot, method="DELETE")[0] == 403


def find_it_in_the_list(visitor, key):
    visitor.page.goto("/settings/api/")
    row = visitor.row(key)
    expect(row).to_contain_text("Read, Write")
    expect(row).to_contain_text("Any address")
    for _ in range(300):  # use is written about once a second
        if "Never used" not in row.inner_text():
            break
        visitor.page.wait_for_timeout(100)
        visitor.page.reload()
    expect(row).not_to_contain_text("Never used")
    visitor.hand.press(row.get_by_role("link", name="Production API", exact=True))


def restrict_it_to_other_addresses(visitor, server, key):
    visitor.write("Allowed IP addresses", "203.0.113.0/24\n2001:db8::1")
    visitor.press("button", "Save")
    visitor.sees("“Production API” was saved.")
    assert server.call(key) == (403, ELSEWHERE)

    visitor.press("button", "Add my current address")
    visitor.press("button", "Save")
    visitor.sees("“Production API” was saved.")
    assert server.call(key)[0] == 200


def rotate_it(visitor, server, key):
    visitor.press("link", "Rotate key")
    expect(visitor.field("24 hours")).to_be_checked()
    visitor.press("button", "Rotate key")
    successor = visitor.takes_the_key()
    assert successor != key
    assert server.call(key)[0] == server.call(successor)[0] == 200
    return successor


def revoke_it(visitor, server, key, name):
    visitor.page.goto(f"/settings/api/{id_of(key)}/")
    visitor.press("link", "Revoke key")
    visitor.press("button", "Revoke key")
    visitor.sees(f"“{name}” was revoked.")
    expect(visitor.row(key)).to_contain_text("Revoked")
    assert server.call(key) == (401, REVOKED)
