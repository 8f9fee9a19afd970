"""The ``.env`` of ``make run``."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path


def ensure_secret_key(path: Path) -> bool:
    """Append a random SECRET_KEY to ``path`` unless it holds one; return whether it was written.

    Existing lines stay. A file that the key was written into is readable only by its owner.
    """
    text = path.read_text() if path.exists() else ""
    if re.search(r"^(?:export )?SECRET_KEY=(?!['\"]*$).", text, re.MULTILINE):
        return False
    newline = "\n" if text and not text.endswith("\n") else ""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(f"{newline}SECRET_KEY={secrets.token_urlsafe(50)}\n")
    return True
