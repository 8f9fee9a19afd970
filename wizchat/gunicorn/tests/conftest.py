"""Servers with special options, and slow clients."""

from __future__ import annotations

import socket
from contextlib import ExitStack, contextmanager
from threading import Event, Thread

import pytest

from testing.server import Server

IMPATIENT = "--worker-class testing.impatient.Worker"
SMALL = "--worker-class testing.impatient.SmallWorker"


@contextmanager
def starting(folder):
    """Yield a function that starts a server; close all of them at the end."""
    servers = ExitStack()

    def start(arguments="", **environ):
        server = Server(folder(), GUNICORN_CMD_ARGS=arguments, **environ)
        servers.callback(server.close)
        return server.prepare().start()

    with servers:
        yield start


@pytest.fixture
def serve(tmp_path):
    """Return a function that starts a server for one test."""
    with starting(lambda: tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """Return a function that starts a server for the tests of a module."""
    with starting(lambda: tmp_path_factory.mktemp("attacked")) as start:
        yield start


@pytest.fixture
def connect():
    """Return a function that connects to a server with a small receive buffer; the test's end closes it."""
    with ExitStack() as stack:

        def connect(server):
            connection = stack.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(40)  # below the minute that production gives a client
            connection.connect((server.host, server.port))
            return connection

        yield connect


@contextmanager
def trickling(*connections):
    """Send a byte over each connection now and then, in the background."""
    over = Event()

    def trickle():
        open_ones = list(connections)
        while open_ones and not over.wait(0.1):
            for connection in list(open_ones):
                try:
                    connection.sendall(b"x")
                except OSError:
                    open_ones.remove(connection)

    thread = Thread(target=trickle)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
