"""A relay in front of a service, which counts round trips and can stop answering."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class Relay:
    """Passes what comes to ``port`` on to the service at ``target``; ``round_trips`` counts the answers.

    Without a target it takes connections and what is sent on them, and never answers: ``sent`` counts
    what came.
    """

    def __init__(self, target: int | None = None) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open = [self._listener]
        self.port = self._listener.getsockname()[1]
        self.round_trips = self.sent = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._open.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        service = socket.create_connection(("127.0.0.1", self._target)) if self._target else None
        if service:
            self._open.append(service)
        with suppress(OSError):
            while data := client.recv(65536):
                self.sent += 1
                if service:
                    service.sendall(data)
                    # A client that waits for each answer, and short answers: one read is one answer.
                    client.sendall(service.recv(65536))
                    self.round_trips += 1
