"""The production server as a separate process, for tests that must cross a socket."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from testing.programs import close_log, logs
from testing.services import Redis
from testing.settings import FIXED
from testing.shell import Shell

ROOT = Path(__file__).resolve().parents[1]
PASSWORD = "correct horse battery staple"
POOL = 200
MAKE_USERS = f"""
import json
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.test import Client

password = make_password({PASSWORD!r})
User.objects.bulk_create(
    User(username=f"user{{n}}", email=f"user{{n}}@example.com", password=password) for n in range({POOL})
)
made = []
for user in User.objects.order_by("pk"):
    client = Client()
    client.force_login(user)
    made.append([user.username, client.cookies[settings.SESSION_COOKIE_NAME].value])
print(json.dumps(made))
"""


@dataclass(frozen=True)
class Member:
    """A user of a running server; the cookie ``sessionid=session`` signs them in."""

    username: str
    session: str
    password: str = PASSWORD

    def cookie(self, url: str) -> dict[str, Any]:
        """Return the cookie that signs a browser in at ``url``."""
        return {"name": "sessionid", "value": self.session, "url": url, "httpOnly": True}


SERVERS = count()
TEST_PROCESSES, SERVERS_EACH = 64, 256
"""Redis's databases: one per test process, then this many for the servers of each."""


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder}/db.sqlite3"


def own_database_and_cache(folder: Path) -> dict[str, str]:
    """Return the database and cache of one server: SQLite in ``folder``, or parts of throwaway services."""
    if "THROWAWAY_SERVICES" not in os.environ:
        return {"DATABASE_URL": sqlite_url(folder), "CACHE_URL": "locmemcache://"}
    name = f"server_{uuid4().hex}"
    postgres = os.environ["DATABASE_URL"].rpartition("/")[0]
    with psycopg.connect(f"{postgres}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    cache = Redis.url_of(os.environ["CACHE_URL"], cache_number())
    return {"DATABASE_URL": f"{postgres}/{name}", "CACHE_URL": cache}


def cache_number() -> int:
    """Return the number of a Redis database that no other server and no test process uses.

    Two servers with the same number would count each other's guesses.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    number = TEST_PROCESSES + SERVERS_EACH * worker + next(SERVERS)
    assert number < TEST_PROCESSES + SERVERS_EACH * (worker + 1) <= Redis.DATABASES, "too few databases"
    return number


class Server:
    """A server on a free port with its own database and cache; ``environ`` overrides."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.folder = folder
        self.environ = {
            **os.environ,
            **FIXED,
            "DJANGO_SETTINGS_MODULE": "wizchat.settings",
            **own_database_and_cache(folder),
            "WEB_CONCURRENCY": "1",
            # Browsers accept passkeys for localhost, but not for an IP address.
            "SITE_URL": "http://localhost",
            # Members sign in before the first test and never have to reauthenticate.
            "REAUTHENTICATION_TIMEOUT": "86400",
            **environ,
        }
        self.log = folder / "server.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._shell: Shell | None = None
        self._members: list[Member] = []
        self._numbers = count(1)

    def prepare(self) -> Server:
        """Create the tables and a pool of users, whose password is hashed only once."""
        self.manage("migrate", "--verbosity", "0")
        self._members = [Member(*one) for one in json.loads(self.shell(MAKE_USERS))]
        return self

    def start(self) -> Server:
        """Start serving; a client that connects at once waits until the server has loaded."""
        logs[f"server-{self.folder.name}"] = self.log
        with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener, self.log.open("ab") as log:
            self.host, self.port = listener.getsockname()
            self.url = f"http://{self.host}:{self.port}"
            command = [sys.executable, "-m", "wizchat.gunicorn", "--bind", f"fd://{listener.fileno()}"]
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environ, pass_fds=[listener.fileno()], stdout=log, stderr=log
            )
        return self

    def stop(self, *, within: float = 60) -> int:
        """Send the server SIGTERM; return its exit status. Its database can still be used."""
        assert self.process is not None
        self.process.terminate()
        try:
            return self.process.wait(within)
        finally:
            self.process.kill()
            self.process.wait()

    def close(self) -> None:
        """Stop the server, if it runs, and what else belongs to it."""
        try:
            if self.process is not None and self.process.poll() is None:
                self.stop()
        finally:
            close_log(f"server-{self.folder.name}")
            if self._shell:
                self._shell.close()
                self._shell = None

    def new_member(self) -> Member:
        """Return a user that no other test has."""
        return self._members.pop()

    def manage(self, *arguments: str) -> str:
        """Run a command of ``manage.py`` against the server's database; return what it printed."""
        return self.shell(f"from django.core.management import call_command; call_command(*{arguments!r})")

    def shell(self, code: str) -> str:
        """Run Python against the server's database, in another process; return what it printed."""
        self._shell = self._shell or Shell(ROOT, self.environ, self.folder / "shell.log")
        return self._shell.run(code)

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run SQL on the server's database, as another program would; return the rows."""
        url = self.environ["DATABASE_URL"]
        if url.startswith("sqlite"):
            connection = sqlite3.connect(self.folder / "db.sqlite3", timeout=60)
        else:
            connection = psycopg.connect(url)
        with closing(connection), connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def call(
        self, key: str | None, path: str = "/v1/chatbots", *, method: str = "GET", body: object = None
    ) -> tuple[int, Any]:
        """Call the API with ``key``, or without one; return the status and the JSON of the response."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def issue(self, member: Member, *permissions: str, name: str | None = None) -> str:
        """Create a key with ``permissions`` (by default read) and return it."""
        flags = [word for permission in permissions or ["read"] for word in ("--permission", permission)]
        name = name or f"Key {next(self._numbers)}"
        return self.manage("apikey", "create", "--owner", member.username, "--name", name, *flags).strip()
