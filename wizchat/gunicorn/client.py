"""A client's socket that never makes a thread wait for the client to send."""

from __future__ import annotations

import select
import socket
import time
from typing import TYPE_CHECKING

from wizchat.gunicorn.arrival import Arrival

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

READ_BYTES = 32 * 1024
SEND_BYTES = 64 * 1024
"""How many bytes of a response are sent at once: most responses, with headers, leave in one go."""

OUTBOX_BYTES = 4 * 1024 * 1024
"""How many unread bytes of a response stay in memory; a thread waits to send the rest."""


class Client(socket.socket):
    """A socket that buffers what the client has sent and what it hasn't read yet.

    The main thread receives, and sends what a client doesn't read at once. Gunicorn's threads see a
    socket that has received the whole request and accepts the whole response.
    """

    def __init__(self, sock: socket.socket, *, patience: float) -> None:
        super().__init__(sock.family, sock.type, sock.proto, fileno=sock.detach())
        super().setblocking(False)
        self.arrival = Arrival()
        self.outbox = bytearray()
        self.deadline = 0.0
        self._patience = patience

    @property
    def held_bytes(self) -> int:
        """Return how many bytes are buffered for this client."""
        return len(self.arrival.data) + len(self.outbox)

    def setblocking(self, flag: bool) -> None:
        """Change nothing: this socket never blocks, whatever gunicorn asks for."""

    def settimeout(self, value: float | None) -> None:
        """Change nothing, as above."""

    # --- For the main thread -------------------------------------------------------------

    def receive(self) -> bool:
        """Receive what has arrived; return whether a thread can answer it.

        Raises ``OSError`` if the client has disconnected.
        """
        while not self.arrival.is_ready():
            if self.arrival.awaits_continue:
                self.arrival.awaits_continue = False
                self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            try:
                received = super().recv(READ_BYTES)
            except BlockingIOError:
                return False
            if not received:
                raise ConnectionAbortedError
            self.arrival.data += received
        return True

    def flush(self) -> bool:
        """Send as much as the client takes now; return whether that was everything."""
        while self.outbox:
            try:
                sent = self.send(self.outbox)
            except BlockingIOError:
                return False
            del self.outbox[:sent]
        return True

    def discard(self) -> bool:
        """Discard what has arrived; return whether the client has hung up."""
        for _ in range(SEND_BYTES // 1024):  # a limit, so that other clients get their turn
            try:
                if not super().recv(SEND_BYTES):
                    return True
            except BlockingIOError:
                return False
        return False

    # --- For gunicorn's threads ----------------------------------------------------------

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        """Return only bytes that have already arrived, because a thread must not wait for more."""
        return self.arrival.take(bufsize)

    def sendall(self, data: ReadableBuffer, flags: int = 0) -> None:
        """Buffer ``data`` until there is enough to send.

        Raises ``TimeoutError`` if the client reads so slowly that the thread has waited too long.
        """
        self.outbox += data
        if len(self.outbox) < SEND_BYTES:
            return
        writable = select.poll()
        writable.register(self, select.POLLOUT)
        while not self.flush() and len(self.outbox) > OUTBOX_BYTES:
            began_at = time.monotonic()
            writable.poll(max(0, self._patience) * 1000)
            self._patience -= time.monotonic() - began_at
            if self._patience <= 0:
                self.outbox.clear()
                raise TimeoutError("The client doesn't read its response")

    def next_request(self, read_ahead: bytes, *, patience: float) -> None:
        """Forget the request that was answered; ``read_ahead`` and the rest belong to the next one."""
        self.arrival = Arrival(read_ahead + bytes(self.arrival.data))
        self._patience = patience
