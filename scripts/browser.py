"""The browser that the tests drive: found, or installed by ``python -m scripts.browser``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = """\
No Chromium for the tests in the browser, and it could not be installed.
Install Debian's package (apt-get install chromium) or Chrome, or set CHROMIUM to its path."""


def find() -> str | None:
    """Return the path of $CHROMIUM, of a Chromium on PATH, or of Playwright's own build."""
    if given := os.environ.get("CHROMIUM"):
        return shutil.which(given)
    on_path = (shutil.which(name) for name in NAMES)
    return next((path for path in on_path if path), None) or _playwrights_own()


def _playwrights_own() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def install() -> None:
    """Install Debian's Chromium where that is allowed without a password, else Playwright's build."""
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if shutil.which("apt-get") and (not as_root or shutil.which("sudo")):
        apt = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
        # A failing update is no reason to stop: the lists at hand may know the package.
        _run([*apt, "update"])
        if _run([*apt, "install", "--yes", "--no-install-recommends", "chromium"]) and find():
            return
    _run([sys.executable, "-m", "playwright", "install", "chromium"])


def _run(command: list[str]) -> bool:
    print("+", *command, file=sys.stderr)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)  # noqa: S603  # our own words
    return done.returncode == 0


if __name__ == "__main__":
    if not find() and not os.environ.get("CHROMIUM"):
        install()
    sys.exit(None if find() else MISSING)
