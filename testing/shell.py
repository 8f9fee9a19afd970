"""A ``manage.py shell`` that stays open: a command in it takes milliseconds, starting Django a second."""

from __future__ import annotations

import atexit
import json
import select
import subprocess
import sys
from pathlib import Path
from threading import Lock

from testing.programs import DEADLINE

PATIENCE = 500
"""Seconds for a command: pytest ends a test, and the run with it, after 600."""
READ = """
import io, json, sys, traceback
from contextlib import redirect_stdout
from django.db import connections

for line in sys.stdin:
    printed, failure = io.StringIO(), ""
    with redirect_stdout(printed):
        try:
            exec(json.loads(line), {})
        except BaseException:
            failure = traceback.format_exc()
    connections.close_all()
    print(json.dumps([printed.getvalue(), failure]), flush=True)
"""


class Shell:
    """A process that runs Python in the project at ``root``; it keeps no connection between calls."""

    def __init__(self, root: Path, environ: dict[str, str], log: Path) -> None:
        self._log, self._lock = log, Lock()
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "manage.py", "shell", "--no-imports", "--verbosity", "0", "--command", READ],
                cwd=root,
                env=environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        atexit.register(self.close)

    def run(self, code: str) -> str:
        """Return what ``code`` printed; AssertionError with the traceback if it raised anything."""
        assert self._process.stdin
        assert self._process.stdout
        with self._lock:
            self._process.stdin.write(json.dumps(code) + "\n")
            self._process.stdin.flush()
            # Nothing is left in the buffer of an earlier answer, because each is one line.
            ready, _, _ = select.select([self._process.stdout], [], [], PATIENCE)
            assert ready, f"no answer within {PATIENCE} s to: {code}"
            answer = self._process.stdout.readline()
        assert answer, self._log.read_text()
        printed, failure = json.loads(answer)
        assert not failure, failure
        return str(printed)

    def close(self) -> None:
        """Stop the process, at the latest when it has had ``DEADLINE`` to end its command."""
        atexit.unregister(self.close)
        try:
            self._process.communicate(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
