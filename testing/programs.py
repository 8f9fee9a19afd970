"""Programs that tests start: found or installed, on their own ports, with logs that can be kept."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

PACKAGES = {
    "postgres": "postgresql",
    "pgbouncer": "pgbouncer",
    "redis-server": "redis-server",
    "nginx": "nginx",
    "openssl": "openssl",
}
PLACES = ["/usr/lib/postgresql/*/bin", "/usr/local/sbin", "/usr/sbin", "/opt/homebrew/bin"]
DEADLINE = 60
PORTS_FROM, PORTS_EACH = 12_000, 500
"""Ports for tests, a block per test process, below those that Linux gives to clients."""
_given_ports: set[int] = set()
LOG_END = 256 * 1024
"""Bytes that are kept of a log: its end is what the test saw."""
logs: dict[str, Path] = {}
"""The log of each service that this process runs, by its name; kept when a test fails."""
ended_logs: dict[str, bytes] = {}
"""The end of the log of each service that was closed in this test, when its file may be gone."""


def close_log(name: str) -> None:
    """Call this when a service is closed, before its folder is deleted."""
    if log := logs.pop(name, None):
        ended_logs[name] = end_of(log)


def ends_of_logs() -> dict[str, bytes]:
    """Return the ends of the logs of this test's services, and of those that serve the whole test run."""
    of_the_run = json.loads(os.environ.get("THROWAWAY_LOGS", "") or "{}")
    running = {f"run-{name}": Path(path) for name, path in of_the_run.items()} | logs
    return ended_logs | {name: end_of(log) for name, log in running.items()}


def end_of(log: Path) -> bytes:
    if not log.exists():
        return b""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LOG_END))
        return file.read()


class Missing(RuntimeError):
    """A program that the tests need is missing and couldn't be installed."""


@cache
def program(name: str) -> str:
    """Return the path of a program in ``PACKAGES``; install Debian's package if necessary."""
    path = _find(name) or (_install(PACKAGES[name]) and _find(name))
    if not path:
        raise Missing(f"{name} is not here. On Debian and Ubuntu: apt-get install {PACKAGES[name]}")
    return path


def _find(name: str) -> str | None:
    folders = [str(path) for place in PLACES for path in sorted(Path("/").glob(place[1:]), reverse=True)]
    return shutil.which(name, path=os.pathsep.join([*folders, os.environ.get("PATH", os.defpath)]))


def _install(package: str) -> bool:
    if not shutil.which("apt-get"):
        return False
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    apt = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    for command in ([*apt, "update"], [*apt, "install", "--yes", "--no-install-recommends", package]):
        sys.stderr.write("+ " + " ".join(command) + "\n")
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
        except FileNotFoundError:
            return False
    return done.returncode == 0


def free_port() -> int:
    """Return a port on which nothing listens, never the same one twice.

    It isn't one that the system picks, because the system also gives those to clients: by the time a
    stopped service starts again, a client's connection may have it.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    first = PORTS_FROM + PORTS_EACH * (int(worker.removeprefix("gw")) % 31 + 1 if worker else 0)
    for port in random.sample(range(first, first + PORTS_EACH), PORTS_EACH):
        if port not in _given_ports and _is_free(port):
            _given_ports.add(port)
            return port
    raise AssertionError(f"no port from {first} on is free")


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def wait_until(answers: Callable[[], object], what: str, *, within: float = DEADLINE) -> None:
    """Call ``answers`` until it returns a true value; fail after ``within`` seconds."""
    ends_at = time.monotonic() + within
    while not answers():
        if time.monotonic() > ends_at:
            raise AssertionError(f"{what} did not happen within {within} s")
        time.sleep(0.02)
