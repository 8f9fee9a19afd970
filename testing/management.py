"""``manage.py`` with Django loaded once: loading it takes longer than most commands.

``python -m testing.management`` runs each line of standard input, a command's arguments in JSON, in a fork of
itself; a line of JSON answers with the exit status, the output and the errors.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]


class Done(NamedTuple):
    status: int
    output: str
    errors: str


class Commands:
    """Runs commands with the settings that ``environ`` makes, each in a process of its own."""

    def __init__(self, environ: dict[str, str]) -> None:
        self._lock = Lock()
        command = [sys.executable, "-m", "testing.management"]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, *arguments: str) -> Done:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(arguments) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"what runs commands ended with status {self._process.wait()}")
        return Done(*json.loads(answer))

    def close(self) -> None:
        self._process.communicate(timeout=60)  # it ends with its input


def main() -> None:
    import django
    from django.conf import settings
    from django.core.management import execute_from_command_line

    django.setup()
    import_module(settings.ROOT_URLCONF)  # nearly every command checks it
    for line in sys.stdin:
        with TemporaryFile() as output, TemporaryFile() as errors, open(os.devnull) as nothing:
            command = os.fork()
            if not command:
                for number, file in enumerate([nothing, output, errors]):
                    os.dup2(file.fileno(), number)
                execute_from_command_line(["manage.py", *json.loads(line)])
                return
            status = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
            texts = [os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0) for file in (output, errors)]
        sys.stdout.write(json.dumps([status, *(text.decode(errors="replace") for text in texts)]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
