"""PostgreSQL and Redis of a test's own, on free ports, which it may stop, freeze and start.

Nothing here touches a server that was running before.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import redis

PACKAGES = {"postgres": "postgresql", "redis-server": "redis-server", "nginx": "nginx", "openssl": "openssl"}
PLACES = ["/usr/lib/postgresql/*/bin", "/usr/local/sbin", "/usr/sbin", "/opt/homebrew/bin"]
DEADLINE = 60
_given_ports: set[int] = set()


class Missing(RuntimeError):
    """A program that the tests need is not there and could not be installed."""


def children(pid: int) -> list[int]:
    """Return the process ids of the children of a process."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@cache
def program(name: str) -> str:
    """Return the path of a program in ``PACKAGES``; install Debian's package if need be."""
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
    """Return a port on which nothing listens, never the same one twice."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = int(listener.getsockname()[1])
        if port not in _given_ports:
            _given_ports.add(port)
            return port


def wait_until(answers: Callable[[], object], what: str, *, within: float = DEADLINE) -> None:
    """Call ``answers`` until it returns something true; fail when ``within`` seconds are over."""
    ends_at = time.monotonic() + within
    while not answers():
        if time.monotonic() > ends_at:
            raise AssertionError(f"{what} did not happen within {within} s")
        time.sleep(0.02)


class Postgres:
    """A PostgreSQL cluster in a folder of its own; ``url`` leads to its empty database "wizchat"."""

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
        # Nothing here outlives the tests, so nothing needs to reach the disk; but what was committed
        # outlives a crash of PostgreSQL, as it does anywhere.
        options = (
            f"-p {self.port} -h 127.0.0.1 -k {self.folder} -c fsync=off -c full_page_writes=off "
            "-c max_connections=200 -c shared_buffers=128MB"
        )
        log = str(self.folder / "log")
        self._run("pg_ctl", "-D", self.data, "-w", "-t", str(DEADLINE), "-l", log, "-o", options, "start")
        with self.connect("postgres") as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = 'wizchat'").fetchone()
            if not found:
                connection.execute("CREATE DATABASE wizchat")
        return self

    def stop(self, mode: str = "fast") -> None:
        """Stop it: "fast" breaks off what runs, "immediate" is a crash."""
        self._run("pg_ctl", "-D", self.data, "-w", "-t", str(DEADLINE), "-m", mode, "stop")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Keep connections open, take new ones, and answer on none."""
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
        shutil.rmtree(self.folder, ignore_errors=True)

    def dump(self) -> Path:
        """Back the database up into a file; return its path."""
        path = self.folder / "dump"
        self._run("pg_dump", *self._as_client, "--format=custom", "--file", str(path), "wizchat")
        return path

    def restore(self, dump: Path, database: str) -> str:
        """Restore a backup into a new ``database``; return the address of that."""
        self._run("createdb", *self._as_client, database)
        self._run("pg_restore", *self._as_client, "--dbname", database, str(dump))
        return self.url.replace("/wizchat", f"/{database}")

    @property
    def _as_client(self) -> list[str]:
        return ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]

    def connect(self, database: str = "wizchat") -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(
            f"postgresql://postgres@127.0.0.1:{self.port}/{database}", autocommit=True, connect_timeout=5
        )

    def _run(self, command: str, *arguments: str) -> None:
        as_user = ["runuser", "-u", self._user, "--"] if self._user else []
        # A file, not a pipe: the server would keep the pipe open for good.
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
    """A Redis server that keeps nothing; ``url`` leads to its first database of many."""

    def __init__(self) -> None:
        self.program = program("redis-server")
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Redis:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--databases", "256"]
        self._process = subprocess.Popen(
            [self.program, *options, "--save", "", "--appendonly", "no", "--dir", tempfile.gettempdir()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        wait_until(self._answers, "Redis's answer")
        return self

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    close = stop

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Take connections and never answer."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "Redis ended"
        try:
            with closing(redis.Redis(port=self.port, socket_timeout=1)) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


class Nginx:
    """nginx with the configuration that is deployed, filled in with ``values`` as its image does it."""

    # What only this machine knows, in place of the lines of the file that is deployed.
    HERE = {
        "user nginx;": "daemon off; {user}",
        "pid /run/nginx.pid;": "pid {folder}/pid;",
        "worker_rlimit_nofile 40000;": "worker_rlimit_nofile {files};",
        "worker_processes auto;": "worker_processes 1;",
        "include /etc/nginx/mime.types;": (
            "client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; "
            "uwsgi_temp_path {folder}; scgi_temp_path {folder};"
        ),
        "include /etc/nginx/conf.d/*.conf;": "include {folder}/site.conf;",
    }

    def __init__(self, template: Path, **values: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="wizchat-nginx-"))
        http, https = free_port(), free_port()
        self.address = f"127.0.0.1:{http}"
        self.url, self.tls_url = f"http://{self.address}", f"https://127.0.0.1:{https}"
        listening = {"HTTP": self.address, "HTTPS": f"127.0.0.1:{https}", "TLS": str(self.folder)}
        site = string.Template(template.read_text()).safe_substitute(values | listening)
        (self.folder / "site.conf").write_text(site)
        # Workers of a master that is root would be another user's, who may not enter the folder.
        user = "user root;" if os.geteuid() == 0 else ""
        # No process may open more files than its hard limit allows.
        files = min(40_000, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        main = (template.parent / "nginx.conf").read_text()
        for line, here in self.HERE.items():
            assert line in main, line
            main = main.replace(line, here.format(folder=self.folder, user=user, files=files))
        (self.folder / "nginx.conf").write_text(main)
        self.log = self.folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Nginx:
        self._make_certificate()
        command = [
            program("nginx"),
            "-e",
            "stderr",
            "-p",
            str(self.folder),
            "-c",
            f"{self.folder}/nginx.conf",
        ]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(self._answers, "nginx's answer")
        return self

    def memory(self) -> int:
        """Return the bytes that its one worker holds in memory."""
        assert self._process is not None
        (worker,) = children(self._process.pid)
        pages = int(Path(f"/proc/{worker}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE")

    def close(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(DEADLINE)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make_certificate(self) -> None:
        command = (
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
        )
        files = ["-keyout", "privkey.pem", "-out", "fullchain.pem"]
        subprocess.run(
            [program("openssl"), *command.split(), *files], cwd=self.folder, check=True, capture_output=True
        )

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        host, _, port = self.address.partition(":")
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            return False
        return True
