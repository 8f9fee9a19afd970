"""The load generator keeps its rate and records each response and each failure."""

from __future__ import annotations

import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from bench import load
from bench.workers import Answer, per_second


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hang_up_after = 0  # requests on one connection
    pause = 0.0

    def setup(self):
        super().setup()
        self.seen = 0
        self.server.connections += 1

    def do_GET(self):
        self.seen += 1
        self.server.keys.append(self.headers["Authorization"])
        time.sleep(self.pause)
        self.send_response(401 if self.headers["Authorization"] == "wrong" else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
        self.close_connection = self.seen == self.hang_up_after

    def log_message(self, *_):
        pass


@contextmanager
def served(**attributes):
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), attributes))
    server.connections, server.keys = 0, []
    Thread(target=server.serve_forever, args=(0.01,)).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def asked(server, seconds=0.3, **values):
    stream = {"connections": 2, "path": "/", "headers": ["right"], "rate": None, "per_connection": None}
    (answers,) = load.run(
        {"port": server.server_address[1], "seconds": seconds, "streams": [stream | values]}, stop=None
    )
    return answers


def test_headers_are_sent_in_turn_and_statuses_seen():
    with served() as server:
        answers = asked(server, connections=1, rate=20, headers=["right", "wrong"])

    assert server.keys == ["right", "wrong"] * 3
    assert [status for _, _, status in answers] == [200, 401] * 3


def test_without_a_rate_each_connection_asks_as_fast_as_it_is_answered():
    with served() as server:
        answers = asked(server, seconds=1)

    assert server.connections == 2
    assert len(server.keys) == len(answers) > 2


def test_every_due_request_is_sent_however_slow_the_server_is():
    with served(pause=0.1) as server:
        answers = asked(server, connections=1, seconds=0.5, rate=20)

    assert [round(at, 3) for at, _, _ in answers] == [number / 20 for number in range(10)]
    assert answers[-1][1] > 0.5  # the wait for its turn counts


def test_clients_connect_again_as_often_as_asked():
    with served() as server:
        answers = asked(server, connections=1, rate=20, per_connection=2)

    assert (server.connections, len(answers)) == (3, 6)


def test_a_connection_that_the_server_closes_costs_no_response():
    with served(hang_up_after=1) as server:
        answers = asked(server, seconds=1)

    assert len(answers) > 2
    assert {status for _, _, status in answers} == {200}


def test_a_server_that_is_gone_is_an_error():
    with served() as server:
        pass

    answers = asked(server, seconds=0.2, rate=10)

    assert [status for _, _, status in answers] == [0, 0]


def test_requests_in_progress_at_the_end_are_not_counted():
    answers = [Answer(0.0, 0.9, 200), Answer(0.9, 0.1, 200), Answer(0.95, 0.1, 200)]

    assert per_second(answers, 1.0) == 2
