"""Creates and protects the ``.env`` of ``make run``."""

from __future__ import annotations

import os
import re
import secrets
import stat
from pathlib import Path

SECRETS = ("SECRET_KEY", "SECRET_KEY_FALLBACKS", "DEMO_PASSWORD", "METRICS_TOKEN")
"""Variables that are always secret; in URLs, only a password is."""


def ensure_secret_key(path: Path) -> bool:
    """Append a random SECRET_KEY to ``path`` unless it has one; return whether this wrote it.

    Keeps existing lines. Only the owner can read a file into which this wrote the key.
    """
    text = path.read_text() if path.exists() else ""
    if _has("SECRET_KEY", text):
        return False
    newline = "\n" if text and not text.endswith("\n") else ""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(f"{newline}SECRET_KEY={secrets.token_urlsafe(50)}\n")
    return True


def keep_private(path: Path) -> bool:
    """Make a file that holds a secret readable only by its owner; return whether others could read it."""
    if not path.exists() or not stat.S_IMODE(path.stat().st_mode) & 0o077:
        return False
    text = path.read_text()
    if not any(_has(name, text) for name in SECRETS) and not re.search(r"://[^\s/]*:[^\s/]+@", text):
        return False
    path.chmod(0o600)
    return True


def _has(name: str, text: str) -> bool:
    """Return whether a line of ``text`` gives ``name`` a value."""
    return bool(re.search(rf"^(?:export )?{name}=(?!['\"]*$).", text, re.MULTILINE))
