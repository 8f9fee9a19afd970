"""A real browser on a real server. See ``browse`` and ``complaints``."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

from scripts.browser import launch
from testing.browser.scene import ANYONE, MEMBERS, OPERATORS, furnish

PATIENCE = 60_000  # milliseconds to wait for a page or an element


@pytest.fixture(scope="package")
def chromium():
    """One browser for this folder only, because Playwright's event loop breaks Django's ORM elsewhere."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def complaints():
    """The browser's complaints: console errors (including CSP violations), exceptions, foreign requests.

    A test that provokes one removes it with ``complaints.pop()``; any that is left fails the test.
    """
    complaints = []
    yield complaints
    assert complaints == []


@pytest.fixture
def browse(chromium, server, complaints):
    """Return a function that opens an empty page in a fresh profile.

    ``member`` is signed in; the rest are options of Playwright's ``new_context``, such as
    ``java_script_enabled=False``, ``viewport={"width": 320, "height": 800}``,
    ``color_scheme="dark"``, ``forced_colors="active"``, ``reduced_motion="reduce"``.
    """
    contexts = []

    def browse(member=None, **options):
        context = chromium.new_context(base_url=server.url, locale="en-GB", **options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        if member:
            context.add_cookies([member.cookie(server.url)])
        watch(context, server.url, complaints)
        return context.new_page()

    yield browse
    for context in contexts:
        context.close()


def watch(context, origin, complaints):
    """Record everything that no page may do."""

    def on_console(message):
        if message.type == "error":
            complaints.append(f"console: {message.text} {message.location['url']}")

    def on_request(request):
        if not request.url.startswith((f"{origin}/", "data:", "blob:")):
            complaints.append(f"other origin: {request.url}")

    context.on("console", on_console)
    context.on("weberror", lambda error: complaints.append(f"exception: {error.error}"))
    context.on("request", on_request)


@pytest.fixture
def member(server):
    """A user that no other test has."""
    return server.new_member()


@pytest.fixture
def page(browse):
    """A page without a session."""
    return browse()


@pytest.fixture
def signed_in_page(browse, member):
    """A page of ``member``."""
    return browse(member)


@pytest.fixture
def plain_page(browse, member):
    """A page of ``member`` with scripting disabled."""
    return browse(member, java_script_enabled=False)


@pytest.fixture
def assert_accessible():
    """Return a function that fails with axe-core's report when it finds a violation in ``page``.

    If ``rules`` are named, only those are checked.
    axe-core would read style sheets by copying them into the page, which no page of ours allows.
    """
    axe = Axe()

    def assert_accessible(page, *rules):
        options = {"resultTypes": ["violations"], "preload": False}
        if rules:
            options["runOnly"] = {"type": "rule", "values": rules}
        results = axe.run(page, options=options)
        assert results.violations_count == 0, f"{page.url}\n{results.generate_report()}"

    return assert_accessible


@pytest.fixture(scope="session")
def scene(server):
    """A member with keys in every state, which tests must not change."""
    return furnish(server)


@pytest.fixture
def visit(browse, scene):
    """Return a function that opens one of the pages of ``scene.py`` by name, with options of ``browse``."""

    def visit(name, **options):
        page = browse(None if name in ANYONE else scene.member, **options)
        (ANYONE | MEMBERS | OPERATORS)[name](page, scene)
        return page

    return visit
