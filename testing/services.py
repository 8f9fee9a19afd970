"""A test's own PostgreSQL and Redis, on free ports, which it can stop, freeze and start.

Nothing here touches a server that was already running.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import redis

from testing.programs import DEADLINE, Missing, close_log, free_port, logs, program, wait_until

__all__ = ["Missing", "Postgres", "Redis", "children", "free_port", "program", "wait_until"]


def children(pid: int) -> list[int]:
    """Return the process ids of the children of a process."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


class Postgres:
    """A PostgreSQL cluster in its own folder; ``url`` is that of its empty database "wizchat"."""

    def __init__(self) -> None:
        self.bin = Path(program("postgres")).parent
        self.folder = Path(tempfile.mkdtemp(prefix="wizchat-postgres-"))
        self.port = free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/wizchat"
        # PostgreSQL refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self.folder, self._user)
        self._run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "-D", self.data)

    @property
    def data(self) -> str:
        return str(self.folder / "data")

    def start(self) -> Postgres:
        # Nothing here outlives the tests, so nothing needs to reach the disk; but commits survive a
        # crash of PostgreSQL, as in production.
        options = (
            f"-p {self.port} -h 127.0.0.1 -k {self.folder} -c fsync=off -c full_page_writes=off "
            "-c max_connections=200 -c shared_buffers=128MB"
        )
        log = logs[f"postgres-{self.port}"] = self.folder / "log"
        self._run(
            "pg_ctl", "-D", self.data, "-w", "-t", str(DEADLINE), "-l", str(log), "-o", options, "start"
        )
        with self.connect("postgres") as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = 'wizchat'").fetchone()
            if not found:
                connection.execute("CREATE DATABASE wizchat")
        return self

    def stop(self, mode: str = "fast") -> None:
        """Stop it: "fast" aborts running statements, "immediate" is a crash."""
        self._run("pg_ctl", "-D", self.data, "-w", "-t", str(DEADLINE), "-m", mode, "stop")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Keep connections open and accept new ones, but respond on none."""
        postmaster = int(Path(self.data, "postmaster.pid").read_text().split()[0])
        pids = [postmaster]
        try:
            _signal(pids, signal.SIGSTOP)
            wait_until(lambda: _is_stopped(postmaster), "the end of new processes")
            pids += children(postmaster)
            _signal(pids, signal.SIGSTOP)
            yield
        finally:
            _signal(pids, signal.SIGCONT)

    def close(self) -> None:
        if (self.folder / "data" / "postmaster.pid").exists():
            self.stop("immediate")
        close_log(f"postgres-{self.port}")
        shutil.rmtree(self.folder, ignore_errors=True)

    def dump(self) -> Path:
        """Back up the database to a file; return its path."""
        path = self.folder / "dump"
        self._run("pg_dump", *self._as_client, "--format=custom", "--file", str(path), "wizchat")
        return path

    def restore(self, dump: Path, database: str) -> str:
        """Restore a backup into a new ``database``; return its URL."""
        self._run("createdb", *self._as_client, database)
        self._run("pg_restore", *self._as_client, "--dbname", database, str(dump))
        return self.url.replace("/wizchat", f"/{database}")

    @property
    def _as_client(self) -> list[str]:
        return ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]

    def connect(self, database: str = "wizchat") -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(
            f"postgresql://postgres@127.0.0.1:{self.port}/{database}", autocommit=True, connect_timeout=30
        )

    def _run(self, command: str, *arguments: str) -> None:
        as_user = ["runuser", "-u", self._user, "--"] if self._user else []
        # A file, because the server would keep a pipe open forever.
        with (self.folder / "output").open("w+") as output:
            done = subprocess.run(
                [*as_user, str(self.bin / command), *arguments],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                check=False,
                timeout=2 * DEADLINE,
            )
            output.seek(0)
            assert done.returncode == 0, f"{command}: {output.read()}"


class Redis:
    """A Redis server that keeps nothing; ``url`` is that of the first of its databases.

    With ``patient_url``, clients wait 5 seconds for it instead of production's quarter of a second, which
    a busy machine can exceed: then processes would count on their own, and exact counts would be wrong.
    """

    DATABASES = 8192
    PATIENCE = "socket_timeout=5&socket_connect_timeout=5"

    def __init__(self) -> None:
        self.program = program("redis-server")
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.patient_url = f"{self.url}?{self.PATIENCE}"
        self.folder = Path(tempfile.mkdtemp(prefix="wizchat-redis-"))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Redis:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--databases", str(self.DATABASES)]
        options += ["--save", "", "--appendonly", "no", "--dir", str(self.folder)]
        path = logs[f"redis-{self.port}"] = self.folder / "log"
        with path.open("ab") as log:
            self._process = subprocess.Popen(
                [self.program, *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_until(self._answers, "Redis's answer")
        return self

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        self.stop()
        close_log(f"redis-{self.port}")
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Accept connections and never respond."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    @staticmethod
    def url_of(url: str, number: int | str) -> str:
        """Return the URL of another database of the Redis at ``url``, with the same options."""
        return urlsplit(url)._replace(path=f"/{number}").geturl()

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "Redis ended"
        try:
            with closing(redis.Redis(port=self.port, socket_timeout=5)) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
