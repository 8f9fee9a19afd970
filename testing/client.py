"""Clients of a running server: a program with a key, and a person with a browser's cookies."""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urlsplit

from testing.programs import wait_until

PATIENCE = 60


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    text: str
    began_at: float = field(default=0.0, compare=False)

    @property
    def error(self):
        return json.loads(self.text)["error"]

    @property
    def json(self):
        return json.loads(self.text)


def send(url, method="GET", path="/", body=None, *, source=None, **headers):
    """Send one request on its own connection, from the address ``source``; return the ``Answer``."""
    parts = urlsplit(url)
    options = {"timeout": PATIENCE, "source_address": (source, 0) if source else None}
    if parts.scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = HTTPSConnection(parts.netloc, context=context, **options)
    else:
        connection = HTTPConnection(parts.netloc, **options)
    began_at = time.monotonic()
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        text = response.read().decode()
        return Answer(response.status, _headers(response), text, began_at)
    finally:
        connection.close()


def _headers(response):
    return {name.title(): value for name, value in response.getheaders()}


def call(url, key=None, method="GET", path="/v1/chatbots", body=None, **options):
    """Call the API with ``key``."""
    if key is not None:
        options["Authorization"] = f"Bearer {key}"
    if body is not None:
        options["Content-Type"] = "application/json"
    return send(url, method, path, body and json.dumps(body), **options)


class Person:
    """Someone who looks at pages and submits forms; signed in if ``session`` is given."""

    def __init__(self, url, session=None):
        self.url = url
        self.cookies = {"sessionid": session} if session else {}

    def get(self, path):
        return self._send("GET", path)

    def post(self, path, **fields):
        """Send the form of the page at ``path``: its hidden fields, and ``fields`` (a list repeats one)."""
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', self.get(path).text)
        return self._send("POST", path, urlencode({**dict(hidden), **fields}, doseq=True))

    def _send(self, method, path, body=None):
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        answer = send(self.url, method, path, body, **headers)
        for name, morsel in SimpleCookie(answer.headers.get("Set-Cookie", "")).items():
            self.cookies[name] = morsel.value
        return answer


class Load:
    """Threads that call with one key until told to stop, and record every response."""

    def __init__(self, url, key, threads=4, **options):
        self.answers: list[Answer] = []
        self.broken: list[Exception] = []
        self._url, self._key, self._options = url, key, options
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def answered_through(self, stop):
        """Call while a service is stopped; return how many calls got a 200. All others must get a 503.

        ``stop`` returns a function that starts the service again; then every call must get a 200.
        """
        with self:
            wait_until(lambda: len(self.answers) > 50, "load")
            start = stop()
            wait_until(lambda: sum(answer.status == 503 for answer in self.answers) > 20, "503")
            start()
            moment = time.monotonic()
            wait_until(lambda: len(self.since(moment)) > 50, "load after the return")
        assert self.broken == []
        assert self.statuses == {200, 503}
        assert {answer.status for answer in self.since(moment)} == {200}
        return sum(answer.status == 200 for answer in self.answers)

    @property
    def statuses(self):
        return {answer.status for answer in self.answers}

    def since(self, moment):
        """Return the responses to requests that began after ``moment``."""
        return [answer for answer in list(self.answers) if answer.began_at > moment]

    def _run(self):
        while not self._ending.is_set():
            try:
                self.answers.append(call(self._url, self._key, **self._options))
            except (OSError, HTTPException) as error:
                self.broken.append(error)
                time.sleep(0.01)
