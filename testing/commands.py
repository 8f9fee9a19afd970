"""``manage.py``, as an operator runs it: in its own process."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from testing.server import ROOT
from testing.settings import FIXED


def manage(*arguments: str | bytes, stdout: Any = subprocess.PIPE, **environ: str) -> Any:
    """Run a command with production settings and an unused database; return the completed process."""
    base = os.environ | FIXED | {"DJANGO_SETTINGS_MODULE": "wizchat.settings", "DATABASE_POOLER": "none"}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=base | {"DATABASE_URL": "sqlite://:memory:"} | environ,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=120,
    )
