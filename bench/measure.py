"""The processes that are measured, and the samples that they give."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Self

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "bench.settings",
    "SECRET_KEY": "for-benchmarks-only-" + "0123456789" * 4,
    "DEBUG": "off",
    "HTTPS_ONLY": "off",
    "ALLOWED_HOSTS": "testserver,127.0.0.1",
    "CACHE_URL": "locmemcache://",
    "DATABASE_POOLER": "none",
    "TRUSTED_PROXIES": "",
    "AUTH_FAILURES_PER_MINUTE": "100",
    "RATE_LIMIT": "999999999/day",  # counted as ever, and never reached
    "WEB_CONCURRENCY": "1",
}


class Samples:
    """What was measured, by database and name."""

    def __init__(self) -> None:
        self._samples: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        self.round_trips: dict[tuple[str, str], int] = {}
        self.memory: dict[str, tuple[int, int]] = {}
        self.versions: dict[str, str] = {}

    def add(self, database: str, name: str, value: float) -> None:
        self._samples[database, name].append(value)

    def of(self, database: str, name: str) -> list[float]:
        return self._samples[database, name]

    def over_plain(self, database: str, name: str) -> list[float]:
        """Return, round by round, by how much a view takes longer than the plain one, in µs."""
        plain = "plain" + (f" of {name.rpartition(' of ')[2]}" if " of " in name else "")
        pairs = zip(self.of(database, name), self.of(database, plain), strict=True)
        return [(seconds - base) * 1e6 for seconds, base in pairs]


def spread(values: list[float]) -> tuple[float, float, float]:
    """Return the median, and the quartiles around it."""
    lower, _, upper = quantiles(values, n=4)
    return median(values), lower, upper


class Worker:
    """A process that runs ``module`` on a database, and does only what it is asked for."""

    def __init__(self, module: str, url: str, *arguments: object, **environ: str) -> None:
        self.environ = {**os.environ, **SETTINGS, "DATABASE_URL": url, **environ}
        self._is_ready = False
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            cwd=ROOT,
            env=self.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=60)

    def ask(self, *command: object) -> Any:
        self.wait_until_ready()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def wait_until_ready(self) -> None:
        if not self._is_ready:
            self._is_ready = self._answer() == "ready"

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a worker ended with status {self._process.wait()}")
        return json.loads(line)


Load = Callable[[list[list[Any]], float], list[list[float]]]


@contextmanager
def serve(environ: dict[str, str]) -> Iterator[Load]:
    """Serve with gunicorn as ``make run`` does; give a function that puts load on it."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        port = listener.getsockname()[1]
        server = subprocess.Popen(
            [sys.executable, "-m", "wizchat.gunicorn", "--bind", f"fd://{listener.fileno()}"],
            cwd=ROOT,
            env=environ,
            pass_fds=[listener.fileno()],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def load(requests: list[list[Any]], seconds: float) -> list[list[float]]:
        time.sleep(0.2)  # what was asked before is written and swept up
        done = subprocess.run(
            [sys.executable, "-m", "bench.load"],
            cwd=ROOT,
            input=json.dumps({"port": port, "requests": requests, "seconds": seconds}),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=120,
        )
        answers: list[list[float]] = json.loads(done.stdout)
        return answers

    try:
        yield load
    finally:
        server.terminate()
        server.wait(30)
