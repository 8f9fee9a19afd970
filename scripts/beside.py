"""Runs the worker beside the server of ``make run``, and ends it when the server ends for any reason.

Standard input is a pipe whose other end only the server's processes hold: it closes when they are gone,
even if they were killed.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from threading import Event, Thread

ROOT = Path(__file__).resolve().parent.parent
COMMAND = [sys.executable, "manage.py", "worker"]
RESTART_SECONDS = 10
GRACE_SECONDS = 20


def main() -> None:
    server_ended = Event()
    Thread(target=_wait_for_server, args=[server_ended], daemon=True).start()
    while not server_ended.is_set():
        _run_worker(server_ended)
        server_ended.wait(RESTART_SECONDS)


def _wait_for_server(server_ended: Event) -> None:
    sys.stdin.buffer.read()
    server_ended.set()


def _run_worker(server_ended: Event) -> None:
    """Run the worker until it ends, or until the server does."""
    worker = subprocess.Popen(COMMAND, cwd=ROOT, stdin=subprocess.DEVNULL)  # noqa: S603  # our own words
    Thread(target=_stop, args=[worker, server_ended], daemon=True).start()
    worker.wait()


def _stop(worker: subprocess.Popen[bytes], server_ended: Event) -> None:
    server_ended.wait()
    worker.terminate()
    try:
        worker.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        worker.kill()


if __name__ == "__main__":
    main()
