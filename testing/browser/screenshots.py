"""``make screenshots``: every page in light and dark, narrow and wide, into ``var/screenshots/``.

``ARGS="key admin"`` takes only the pages whose name contains one of these words.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

from scripts.browser import launch
from testing.browser.scene import ANYONE, MEMBERS, OPERATORS, furnish
from testing.server import ROOT, Server

FOLDER = ROOT / "var" / "screenshots"
SCHEMES = ("light", "dark")
WIDTHS = (320, 1280)


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        server = Server(Path(folder)).prepare()
        server.manage("collectstatic", "--no-input", "--verbosity", "0")
        server.start()
        try:
            take_all(server)
        finally:
            server.close()
    sys.stdout.write(f"{len(list(FOLDER.glob('*.png')))} pictures are in {FOLDER}\n")


def take_all(server):
    scene = furnish(server)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for scheme in SCHEMES:
            for name, visit in (ANYONE | MEMBERS | OPERATORS).items():
                if sys.argv[1:] and not any(word in name for word in sys.argv[1:]):
                    continue
                context = browser.new_context(base_url=server.url, locale="en-GB", color_scheme=scheme)
                if name not in ANYONE:
                    context.add_cookies([scene.member.cookie(server.url)])
                page = context.new_page()
                visit(page, scene)
                for width in WIDTHS:
                    page.set_viewport_size({"width": width, "height": 800})
                    file = f"{re.sub('[^a-z]+', '-', name)}-{scheme}-{width}.png"
                    page.screenshot(path=FOLDER / file, full_page=True)
                context.close()
        browser.close()


if __name__ == "__main__":
    main()
