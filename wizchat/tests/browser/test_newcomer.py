"""A newcomer who has only the pages: a key from the form, and samples copied from /docs/."""

from __future__ import annotations

import json

from testing.programs import wait_until
from testing.samples import Samples, run


def test_a_newcomer_manages_keys_by_copying_from_the_reference(signed_in_page, server, tmp_path):
    page = signed_in_page
    page.goto("/settings/api/new/")
    page.get_by_label("Admin", exact=True).check()
    page.get_by_label("Name", exact=True).fill("My first key")
    page.get_by_role("button", name="Create", exact=True).click()
    mine = page.locator(".secret").inner_text()
    page.get_by_role("link", name="API reference").click()
    page.get_by_role("heading", name="First call in a minute").wait_for()
    samples = Samples(page.content()).found

    def copy(operation, key=mine, **environ):
        # The settings don't know the port of the test's server.
        command = samples[operation, "curl"].replace("http://localhost/", f"{server.url}/")
        printed = run("curl", command, tmp_path, WIZCHAT_API_KEY=key, **environ)
        return json.loads(printed) if printed else None

    assert copy("start")["name"] == "My first key"

    second = copy("createKey")
    assert copy("start", second["key"])["name"] == second["name"] == "Analytics Integration"

    def calls():
        return copy("getKeyUsage", KEY_ID=second["id"])["days"][-1]["total"]

    wait_until(calls, "the use of the second key")

    third = copy("rotateKey", KEY_ID=second["id"])
    assert third["predecessor"] == second["id"]
    assert copy("start", third["key"])["id"] == third["id"]

    for one in (second, third):
        assert copy("revokeKey", KEY_ID=one["id"]) is None
        assert copy("start", one["key"])["error"]["message"] == "API key has been revoked"
