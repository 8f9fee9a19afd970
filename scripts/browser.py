"""Finds the browser that the tests drive; ``python -m scripts.browser`` installs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from playwright.sync_api import Browser, Playwright, sync_playwright

PACKAGES = ("chromium-headless-shell", "chromium")
"""Debian's: the same engine without and with a user interface, which makes each page cost twice as much."""
NAMES = (*PACKAGES, "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = """\
No Chromium for the tests in the browser, and it could not be installed.
Install Debian's package (apt-get install chromium-headless-shell) or Chrome, or set CHROMIUM to its path."""
# Only the page under test may use the network.
FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]


def launch(playwright: Playwright) -> Browser:
    """Start the installed browser; exit with advice if there is none."""
    return playwright.chromium.launch(executable_path=find(playwright) or sys.exit(MISSING), args=FLAGS)


def find(playwright: Playwright) -> str | None:
    """Return the path of $CHROMIUM, else of a Chromium on PATH, else of Playwright's own build."""
    if given := os.environ.get("CHROMIUM"):
        return shutil.which(given)
    own = playwright.chromium.executable_path
    found = (shutil.which(name) for name in (*NAMES, own))
    return next((path for path in found if path), None)


def install() -> None:
    """Install one of Debian's packages if that needs no password, else Playwright's build."""
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if shutil.which("apt-get") and (not as_root or shutil.which("sudo")):
        apt = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
        # Ignore a failed update: the existing package lists may have the package.
        _run([*apt, "update"])
        if any(_run([*apt, "install", "--yes", "--no-install-recommends", package]) for package in PACKAGES):
            return
    _run([sys.executable, "-m", "playwright", "install", "chromium"])


def _run(command: list[str]) -> bool:
    print("+", *command, file=sys.stderr)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)  # noqa: S603  # our own words
    return done.returncode == 0


def main() -> None:
    with sync_playwright() as playwright:
        if not find(playwright) and "CHROMIUM" not in os.environ:
            install()
        if not find(playwright):
            sys.exit(MISSING)


if __name__ == "__main__":
    main()
