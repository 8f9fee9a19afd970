"""A relay in front of a service, which counts round trips and can stop answering."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer

PATIENCE = 60.0
"""Seconds that the relay waits for the service's answer."""


class Relay(ThreadingTCPServer):
    """Forwards data from ``port`` to the service at ``target``; ``round_trips`` counts the responses.

    Without a target it accepts connections and data but never responds; ``sent`` counts the requests. At
    the end of its block every connection is closed and every thread has ended.
    """

    request_queue_size = 128

    def __init__(self, target: int | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.port = self.socket.getsockname()[1]
        self.target = target
        self.round_trips = self.sent = 0
        self._clients: list[socket.socket] = []
        threading.Thread(target=self.serve_forever, args=(0.01,)).start()

    def __exit__(self, *_: object) -> None:
        self.shutdown()  # after this, no thread adds a client
        for client in self._clients:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def get_request(self) -> tuple[socket.socket, object]:
        """Accept a client, and keep its socket, to close it at the end."""
        client, address = super().get_request()
        self._clients.append(client)
        return client, address


class _Connection(BaseRequestHandler):
    server: Relay
    request: socket.socket

    def handle(self) -> None:
        with suppress(OSError):
            if self.server.target is None:
                self._take()
            else:
                with socket.create_connection(("127.0.0.1", self.server.target), PATIENCE) as service:
                    self._pass_on(service)

    def _take(self) -> None:
        while self.request.recv(65536):
            self.server.sent += 1

    def _pass_on(self, service: socket.socket) -> None:
        while data := self.request.recv(65536):
            self.server.sent += 1
            service.sendall(data)
            # Clients wait for each response, and responses are short, so one read is one response.
            answer = service.recv(65536)
            self.server.round_trips += 1  # before the client can receive it and check the count
            self.request.sendall(answer)
