"""Attacks by clients with direct access to gunicorn, without a proxy in between."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from testing.client import call
from testing.keys import id_of
from testing.programs import wait_until
from wizchat.gunicorn.arrival import BODY_BYTES
from wizchat.gunicorn.tests.conftest import IMPATIENT, SMALL, trickling

BAD_KEY = b"Authorization: Bearer nonsense"


def request(*lines, path=b"/v1/chatbots", method=b"GET", body=b""):
    return b"\r\n".join([method + b" " + path + b" HTTP/1.1", b"Host: localhost", *lines, b"", body])


def create(key, *lines, body=b""):
    """Return a request that creates a chatbot."""
    authorization = b"Authorization: Bearer " + key.encode()
    return request(authorization, b"Content-Type: application/json", *lines, method=b"POST", body=body)


def read(connection):
    """Return the status and the JSON of one response that has a Content-Length."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += more(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split()[0])
    while len(body) < length:
        body += more(connection)
    return int(head.split()[1]), json.loads(body)


def more(connection):
    data = connection.recv(65536)
    assert data, "the server closed the connection"
    return data


def is_closed(connection):
    """Read to the end; return whether the server closed the connection before this client's timeout."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        pass
    return True


def code(answer):
    return answer[0], answer[1]["error"]["code"]


@pytest.fixture(scope="module")
def small_server(start):
    """A server with one thread and room for 40 connections."""
    return start("--threads 1 --worker-connections 40")


@pytest.fixture(scope="module")
def impatient(start):
    return start(f"{IMPATIENT} --threads 1")


def flood(connection, data):
    """Send ``data`` repeatedly until the server reads no more for a while or closes the connection."""
    connection.settimeout(1)
    try:
        for _ in range(10_000):
            connection.sendall(data)
    except OSError as error:
        return error
    raise AssertionError("the server reads without end")


def test_silent_connections_hold_no_thread(small_server, connect):
    for _ in range(20):
        connect(small_server)

    assert call(small_server.url, None).status == 401


def test_silent_connections_make_way_for_others(small_server, connect):
    silent = [connect(small_server) for _ in range(100)]

    assert call(small_server.url, None).status == 401
    assert is_closed(silent[0])


def test_idle_connections_make_way_for_others(small_server, connect):
    idle = [connect(small_server) for _ in range(30)]
    for connection in idle:
        connection.sendall(request())
        assert read(connection)[0] == 401
    for _ in range(20):
        connect(small_server)

    assert call(small_server.url, None).status == 401
    assert is_closed(idle[0])


def test_silent_connection_is_closed_without_a_response(impatient, connect):
    assert connect(impatient).recv(1) == b""


@pytest.mark.parametrize(
    "beginning",
    [
        b"GET /v1/chat",
        b"GET / HTTP/1.1\r\nX-Endless: ",
        create("any", b"Content-Length: 99", body=b"{"),
        create("any", b"Transfer-Encoding: chunked", body=b"63\r\n{"),
    ],
    ids=["line", "headers", "body", "chunk"],
)
def test_request_that_does_not_end_in_time_gets_a_408(impatient, connect, beginning):
    slow = [connect(impatient) for _ in range(3)]
    for connection in slow:
        connection.sendall(beginning)

    with trickling(*slow):
        assert call(impatient.url, None).status == 401
        assert [code(read(connection)) for connection in slow] == [(408, "REQUEST_TIMEOUT")] * 3

    assert '"level": "ERROR"' not in impatient.log.read_text()


def test_slow_sender_holds_no_thread(small_server, connect):
    slow = [connect(small_server) for _ in range(3)]
    for connection in slow:
        connection.sendall(create("any", b"Content-Length: 9999", body=b"{"))

    with trickling(*slow):
        assert call(small_server.url, None).status == 401


def test_slow_refused_client_does_not_hold_up_other_refused_ones(server, connect):
    key = server.issue(server.new_member())
    slow, mistaken = connect(server), connect(server)
    for connection in (slow, mistaken):
        connection.sendall(request(BAD_KEY))
        assert read(connection)[0] == 401
    slow.sendall(b"GET /v1/chatbots?")

    with trickling(slow):
        mistaken.sendall(request(b"Authorization: Bearer " + key.encode()))
        assert read(mistaken)[0] == 200


def test_clients_that_never_read_hold_no_thread(small_server, connect):
    for _ in range(3):
        assert isinstance(flood(connect(small_server), request(path=b"/docs/") * 100), TimeoutError)

    # The server serves these in turn with the others, which stop reading long before the last one.
    assert {call(small_server.url, None).status for _ in range(300)} == {401}


def test_client_that_never_reads_is_dropped(impatient, connect):
    connection = connect(impatient)

    requests = request(path=b"/docs/") * 100
    wait_until(lambda: not isinstance(flood(connection, requests), TimeoutError), "the end of the connection")

    assert call(impatient.url, None).status == 401


def test_slow_reader_gets_every_response(server, connect):
    connection = connect(server)
    connection.sendall(request(path=b"/docs/") * 99 + request(b"Connection: close", path=b"/docs/"))

    received = b"".join(iter(lambda: connection.recv(1 << 20), b""))

    assert received.count(b"HTTP/1.1 200 OK\r\n") == received.count(b"</html>") == 100


def test_clients_that_keep_sending_after_their_response_hold_no_thread(small_server, connect):
    rude = [connect(small_server) for _ in range(15)]
    for connection in rude:
        connection.sendall(request(b"Connection: close"))
        assert read(connection)[0] == 401

    with trickling(*rude):
        assert call(small_server.url, None).status == 401


def test_clients_that_do_not_hang_up_after_their_response_hold_no_thread(small_server, connect):
    lazy = [connect(small_server) for _ in range(15)]
    for connection in lazy:
        connection.sendall(request(b"Connection: close"))
        assert read(connection)[0] == 401

    assert call(small_server.url, None).status == 401


def test_headers_without_end_are_refused_before_they_cost_anything(server, connect):
    connection = connect(server)
    connection.sendall(b"GET / HTTP/1.1\r\n")
    with suppress(ConnectionError):  # the response has already arrived
        for number in range(100):
            connection.sendall(b"X-%d: %s\r\n" % (number, b"x" * 125_000))

    assert code(read(connection)) == (431, "HEADERS_TOO_LARGE")


def test_upload_is_refused_before_it_is_read(serve, connect, tmp_path):
    (tmp_path / "temporary").mkdir()
    server = serve(TMPDIR=str(tmp_path / "temporary"), PROMETHEUS_MULTIPROC_DIR=str(tmp_path))
    part = b'--x\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n' + b"x" * 4_000_000
    lines = [
        b"Content-Type: multipart/form-data; boundary=x",
        b"Content-Length: 500000000",
        b"Cookie: csrftoken=" + b"x" * 32,
    ]

    connection = connect(server)
    connection.sendall(request(*lines, method=b"POST", path=b"/accounts/login/", body=part))

    assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")
    assert not [path for path in (tmp_path / "temporary").iterdir() if "upload" in path.name]


def test_key_is_checked_when_the_body_has_arrived(server, connect):
    key = server.issue(server.new_member(), "admin")
    connection = connect(server)
    connection.sendall(create(key, b"Content-Length: 14", body=b'{"name"'))
    assert call(server.url, key).status == 200

    server.manage("apikey", "revoke", id_of(key))
    connection.sendall(b':"Bot"}')

    assert read(connection)[1]["error"]["message"] == "API key has been revoked"


def test_large_bodies_that_do_not_end_do_not_pile_up(start, connect):
    server = start(f"{SMALL} --threads 1")
    key = server.issue(server.new_member(), "admin")
    body = b'{"name": "Bot"}'.ljust(200_000)
    unfinished = [connect(server) for _ in range(20)]
    for connection in unfinished:
        connection.sendall(create(key, b"Content-Length: 200000", body=body[:-1]))

    assert is_closed(unfinished[0])
    unfinished[-1].sendall(body[-1:])
    assert read(unfinished[-1])[0] == 201


def test_body_larger_than_any_view_takes_is_refused_by_its_length(server, connect):
    key = server.issue(server.new_member(), "admin")
    for line, body in (
        (b"Content-Length: %d" % (BODY_BYTES + 1), b""),
        (b"Transfer-Encoding: chunked", b"%x\r\n" % (BODY_BYTES + 1)),
        (b"Transfer-Encoding: chunked", b"1\r\n \r\n" * (BODY_BYTES // 6 + 1)),
    ):
        connection = connect(server)
        connection.sendall(create(key, line, body=body))
        assert code(read(connection)) == (413, "PAYLOAD_TOO_LARGE")


def test_client_that_expects_100_continue_gets_it_once(server, connect):
    key = server.issue(server.new_member(), "admin")
    connection = connect(server)

    connection.sendall(create(key, b"Expect: 100-continue", b"Content-Length: 14"))
    assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(b'{"name":"Bot"}')
    assert read(connection)[0] == 201

    connection.sendall(create(key, b"Expect: 100-continue", b"Content-Length: 500000000"))
    assert code(read(connection)) == (413, "PAYLOAD_TOO_LARGE")


def test_half_a_request_does_not_keep_the_server_from_stopping(serve, connect):
    server = serve()
    connect(server).sendall(b"GET /v1/chat")
    assert call(server.url, None).status == 401  # by now the worker has both connections

    assert server.stop(within=25) == 0  # sooner than gunicorn would kill the worker
