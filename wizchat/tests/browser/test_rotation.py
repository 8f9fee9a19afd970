"""A rotation in the browser from "Rotate" to "Finish", while two programs switch one after the other."""

from __future__ import annotations

import threading
from contextlib import ExitStack

from playwright.sync_api import expect

from testing.client import call
from testing.keys import id_of
from testing.programs import wait_until

EARLY, LATE = "127.9.0.1", "127.9.0.2"
"""Where the two programs call from."""
STILL, SWITCHED = "Still uses the old key", "Switched"
RELOADS = 300


class Program:
    """Calls with its current ``key`` until told to stop; records each response."""

    def __init__(self, url, key, address):
        self.key = key
        self.answers = []
        self._url, self._address = url, address
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        self._thread.join()

    def _run(self):
        while not self._ending.wait(0.1):  # far below a key's rate limit
            self.answers.append(call(self._url, self.key, source=self._address).status)


def rotation_of(page):
    return page.get_by_role("region", name="Rotation")


def wait_for(page, states):
    """Reload a key's page until the programs are in these ``states``: use is written once a second."""
    for _ in range(RELOADS):
        rows = rotation_of(page).get_by_role("row").all()[1:]
        shown = {
            row.get_by_role("rowheader").inner_text(): row.get_by_role("cell").last.inner_text()
            for row in rows
        }
        if shown == states:
            return
        page.wait_for_timeout(100)
        page.reload()
    raise AssertionError(f"{shown}, not {states}")


def rotate(page):
    """Rotate the key whose page is open; return the new one."""
    page.get_by_role("link", name="Rotate key").click()
    page.get_by_label("24 hours after the new key is first used").check()
    page.get_by_role("button", name="Rotate key").click()
    new = page.locator("#secret").inner_text()
    page.get_by_role("link", name="I've saved my key").click()
    return new


def test_two_programs_switch_one_after_the_other_and_neither_misses_a_call(
    browse, server, member, assert_accessible
):
    old = server.issue(member, name="Production API")
    page_of_old, page = f"/settings/api/{id_of(old)}/", browse(member)
    with ExitStack() as stack:
        early, late = (stack.enter_context(Program(server.url, old, it)) for it in (EARLY, LATE))
        page.goto(page_of_old)
        new = rotate(page)
        page_of_new = f"/settings/api/{id_of(new)}/"
        page.goto(page_of_old)
        wait_for(page, {LATE: STILL, EARLY: STILL})
        expect(rotation_of(page)).to_contain_text("until 24 hours after the new key is first used")

        early.key = new
        for path in (page_of_old, page_of_new):
            page.goto(path)
            wait_for(page, {LATE: STILL, EARLY: SWITCHED})
            page.reload()  # the page may have read the rotation just before the use was written
            expect(rotation_of(page)).not_to_contain_text("first used")  # its grace period runs
            assert_accessible(page)

        late.key = new
        wait_for(page, {LATE: SWITCHED, EARLY: SWITCHED})
        rotation_of(page).get_by_role("link", name="Finish rotation").click()
        page.get_by_role("heading", name="Finish rotation?").wait_for()
        assert call(server.url, old).status == 200
        page.get_by_role("button", name="Finish rotation").click()
        expect(page.get_by_text("Rotation finished")).to_be_visible()
        refused = call(server.url, old)
        calls = len(late.answers)
        wait_until(lambda: len(late.answers) >= calls + 3, "calls after the end of the rotation")

    assert (refused.status, refused.error["message"]) == (401, "API key has been revoked")
    assert set(early.answers) == set(late.answers) == {200}
    expect(page).to_have_url(f"{server.url}{page_of_new}")
    expect(rotation_of(page)).to_have_count(0)
