"""A real mail server that tests can stop, delay and make refuse emails, and workers that send to it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from email import message_from_bytes
from typing import Any, NamedTuple

from aiosmtpd.controller import Controller

from testing.programs import DEADLINE, close_log, logs
from testing.server import ROOT, Server


class Received(NamedTuple):
    to: str
    subject: str
    message_id: str


class MailServer:
    """An SMTP server in a thread, at ``port`` while it runs.

    ``refusals`` has the replies to recipients that it refuses. ``hanging`` has the step at which it stops
    responding to a recipient: ``RCPT``, ``DATA`` (it has only received the text) or ``TAKEN`` (it has
    accepted the email but hasn't said so). ``held`` is the step at which it hangs now.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.received: list[Received] = []
        self.refusals: dict[str, str] = {}
        self.hanging: dict[str, str] = {}
        self.held: list[tuple[str, str]] = []
        self.on_taken: Callable[[], None] = lambda: None
        self._controller: Controller | None = None

    def start(self) -> None:
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, ready_timeout=DEADLINE)
        self._controller.start()

    def stop(self) -> None:
        if self._controller:
            self._controller.stop()
            self._controller = None

    def times(self) -> Counter[str]:
        """Return how often the server accepted each email, by Message-ID."""
        return Counter(email.message_id for email in self.received)

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        await self._pass("RCPT", address)
        if refusal := self.refusals.get(address):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        (to,) = envelope.rcpt_tos
        await self._pass("DATA", to)
        email = message_from_bytes(envelope.content)
        self.received.append(Received(to, str(email["Subject"]), str(email["Message-ID"])))
        self.on_taken()
        await self._pass("TAKEN", to)
        return "250 OK"

    async def _pass(self, step: str, address: str) -> None:
        if self.hanging.get(address) != step:
            return
        self.held.append((step, address))
        try:
            while self.hanging.get(address) == step:
                await asyncio.sleep(0.02)
        finally:
            self.held.remove((step, address))


class Worker:
    """``manage.py worker`` as a process, with the settings and the database of ``server``."""

    def __init__(self, server: Server, number: int, **environ: str) -> None:
        self.log = server.folder / f"worker-{number}.log"
        logs[self.log.stem] = self.log
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "worker"],
                cwd=ROOT,
                env=server.environ | environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def lines(self, text: str) -> list[str]:
        return [line for line in self.log.read_text().splitlines() if text in line]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self, *, within: float = 60) -> int:
        """Send the worker SIGTERM; return its exit status."""
        self.process.terminate()
        try:
            return self.process.wait(within)
        finally:
            self.kill()
            close_log(self.log.stem)
