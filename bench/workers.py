"""The measured processes, and the load on them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

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
    "RATE_LIMIT": "999999999/day",  # requests are counted, but never reach the limit
    "WEB_CONCURRENCY": "1",
    "WEB_THREADS": "8",
}


class Worker:
    """A process that runs ``module`` on a database and waits for commands."""

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
        self._process.communicate(timeout=60)  # the process ends when its input does

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


class Answer(NamedTuple):
    """A response to the load: ``at`` is in seconds since the start, ``status`` 0 if there was none."""

    at: float
    latency: float
    status: int


def stream(
    path: str, *headers: str, connections: int, rate: float | None = None, per_connection: int | None = None
) -> dict[str, Any]:
    """Return a stream of requests, see ``bench.load``."""
    return {
        "path": path,
        "headers": headers,
        "connections": connections,
        "rate": rate,
        "per_connection": per_connection,
    }


class Server:
    """gunicorn, started as ``make run`` does, with the processes and settings that ``environ`` names."""

    def __init__(self, environ: dict[str, str], *, application: str = "wizchat.wsgi:application") -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
            self.port = listener.getsockname()[1]
            bind = f"fd://{listener.fileno()}"
            self.process = subprocess.Popen(
                [sys.executable, "-m", "wizchat.gunicorn", "--bind", bind, application],
                cwd=ROOT,
                env=environ,
                pass_fds=[listener.fileno()],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(60)

    @contextmanager
    def under_load(self, seconds: float, *streams: dict[str, Any]) -> Iterator[list[list[Answer]]]:
        """Send ``streams`` of requests to the server while the block runs, for at most ``seconds``.

        Yields a list that has the responses to each stream when the block ends.
        """
        clients = subprocess.Popen(
            [sys.executable, "-m", "bench.load"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        answers: list[list[Answer]] = []
        job = {"port": self.port, "seconds": seconds, "streams": streams}
        assert clients.stdin is not None
        assert clients.stdout is not None
        clients.stdin.write(json.dumps(job) + "\n")
        clients.stdin.flush()
        assert clients.stdout.readline() == "started\n"
        yield answers
        output, _ = clients.communicate(timeout=60)
        answers += [[Answer(*answer) for answer in of_stream] for of_stream in json.loads(output)]

    def load(self, seconds: float, *streams: dict[str, Any]) -> list[list[Answer]]:
        """Put load on the server; return the responses to each stream."""
        time.sleep(0.2)  # lets the server write its usage and clean up first
        with self.under_load(seconds, *streams) as answers:
            time.sleep(seconds)
        return answers


def percentile(answers: Sequence[Answer], share: float) -> float:
    """Return the latency in milliseconds below which this share of ``answers`` stayed."""
    latencies = sorted(answer.latency for answer in answers)
    return latencies[min(len(latencies) - 1, int(len(latencies) * share))] * 1000


def per_second(answers: Sequence[Answer], seconds: float) -> float:
    """Return the responses per second within the load's ``seconds``.

    Excludes requests still in progress at the end: each connection has one, and counting them would
    flatter slow servers most.
    """
    return sum(answer.at + answer.latency <= seconds for answer in answers) / seconds
