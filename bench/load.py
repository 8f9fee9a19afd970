"""Clients that put load on a server: ``python -m bench.load``, one thread for all connections.

Reads ``{"port", "seconds", "streams": [{"connections", "path", "headers", "rate", "per_connection"}]}``
from a line of standard input, prints "started", and ends after those seconds or when its input ends.

A stream sends its Authorization headers in turn: each connection sends one request after another, or all
connections together send ``rate`` requests a second, however slow the responses are. If
``per_connection`` is given, a client reconnects after that many requests.

Prints ``[[at, latency, status], …]`` for each stream: seconds since the start, seconds since the request
was due, and its status, which is 0 if there was no response.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
from collections import deque
from collections.abc import Iterator
from itertools import count, cycle
from time import perf_counter
from typing import Any, TextIO

PATIENCE = 30.0  # seconds to wait for the last responses


class Stream:
    """Requests of one kind. Times are those of ``perf_counter``."""

    def __init__(
        self,
        job: dict[str, Any],
        stream: dict[str, Any],
        selector: selectors.BaseSelector,
        started_at: float,
    ) -> None:
        self.headers = cycle(stream["headers"])
        self.path, self.rate = stream["path"], stream["rate"]
        self.per_connection = stream["per_connection"]
        self.answers: list[tuple[float, float, int]] = []
        self.clients = [Client(self, job["port"], selector) for _ in range(stream["connections"])]
        self.idle = deque(self.clients)
        self._dues: Iterator[float] = (
            (started_at + number / self.rate for number in count()) if self.rate else iter(())
        )
        self._due = next(self._dues, 0.0)

    def give_up(self, ends_at: float) -> None:
        """Close the connections; record requests that were due and have no response as failed."""
        for client in self.clients:
            if client.request:
                client.finish(0)
            client.close()
        while self.is_behind(ends_at):
            self.answers.append((self._due, perf_counter() - self._due, 0))
            self._due = next(self._dues)

    def request(self) -> bytes:
        authorization = next(self.headers)
        lines = [f"GET {self.path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: {authorization}"]
        return "\r\n".join([*lines, "", ""]).encode()

    def send_what_is_due(self, now: float, ends_at: float) -> float:
        """Send the requests that are due; return the seconds until the next one is due.

        With a rate, requests that were due before the end are sent even after it, so that a slow server
        can't hide delays.
        """
        for _ in range(len(self.idle)):
            if not (self.is_behind(min(now, ends_at)) if self.rate else now < ends_at):
                break
            self.idle.popleft().send(self._due if self.rate else now)
            self._due = next(self._dues, 0.0)
        return max(0.0, self._due - now) if self.rate and self.idle else PATIENCE

    @property
    def is_busy(self) -> bool:
        return len(self.idle) < len(self.clients)

    def is_behind(self, now: float) -> bool:
        """Return whether a request that was due before ``now`` hasn't been sent."""
        return bool(self.rate) and self._due < now


class Client:
    """A connection with at most one request in progress."""

    def __init__(self, stream: Stream, port: int, selector: selectors.BaseSelector) -> None:
        self.stream, self.address, self.selector = stream, ("127.0.0.1", port), selector
        self.socket: socket.socket | None = None
        self.request = b""
        self.sent = 0

    def send(self, due: float) -> None:
        self.due, self.request = due, self.stream.request()
        self._send()

    def _send(self) -> None:
        self.data = b""
        self.is_new = self.socket is None
        try:
            if self.socket is None:
                self.socket = socket.create_connection(self.address)
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.selector.register(self.socket, selectors.EVENT_READ, self)
                self.sent = 0
            self.socket.sendall(self.request)
            self.sent += 1
        except OSError:
            self._lose()

    def receive(self) -> None:
        assert self.socket is not None
        try:
            received = self.socket.recv(65536)
        except OSError:
            received = b""
        self.data += received
        if not received:
            self._lose()
        elif (status := answered(self.data)) is not None:
            self.finish(status)

    def _lose(self) -> None:
        """Drop the connection; resend a request that was lost because the server closed it."""
        self.close()
        if self.request and not self.data and not self.is_new:
            self._send()
        elif self.request:
            self.finish(0)

    def finish(self, status: int) -> None:
        self.stream.answers.append((self.due, perf_counter() - self.due, status))
        self.request = b""
        if self.sent == self.stream.per_connection:
            self.close()
        self.stream.idle.append(self)

    def close(self) -> None:
        if self.socket is not None:
            self.selector.unregister(self.socket)
            self.socket.close()
            self.socket = None


def answered(data: bytes) -> int | None:
    """Return the status of a response, or ``None`` if it isn't complete."""
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        return None
    length = int(head.lower().partition(b"content-length:")[2].split()[0])
    return int(head.split()[1]) if len(body) >= length else None


def run(job: dict[str, Any], stop: TextIO | None) -> list[list[tuple[float, float, int]]]:
    """Run the job until its time is over or ``stop`` ends."""
    selector = selectors.DefaultSelector()
    started_at = perf_counter()
    streams = [Stream(job, stream, selector, started_at) for stream in job["streams"]]
    ends_at = started_at + job["seconds"]
    if stop:
        selector.register(stop, selectors.EVENT_READ)
    while (now := perf_counter()) < ends_at + PATIENCE:
        timeout = min(stream.send_what_is_due(now, ends_at) for stream in streams)
        if now < ends_at:
            timeout = min(timeout, ends_at - now)
        elif not any(stream.is_behind(ends_at) or stream.is_busy for stream in streams):
            break
        else:
            timeout = PATIENCE
        for key, _ in selector.select(timeout):
            if key.data:
                key.data.receive()
            elif stop:
                selector.unregister(stop)
                ends_at = perf_counter()
    for stream in streams:
        stream.give_up(ends_at)
    return [
        [(at - started_at, latency, status) for at, latency, status in stream.answers] for stream in streams
    ]


if __name__ == "__main__":
    job = json.loads(sys.stdin.readline())
    sys.stdout.write("started\n")
    sys.stdout.flush()
    json.dump(run(job, sys.stdin), sys.stdout)
