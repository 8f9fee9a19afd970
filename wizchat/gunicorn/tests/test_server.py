"""What the production server does before and after Django, tested byte by byte over a socket."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import closing
from http.client import HTTPConnection

import pytest

from apikeys.core.keyformat import masked
from testing.keys import id_of, secret_of
from testing.server import ROOT, Server
from wizchat.api import catalogue

INVALID_KEY = {"error": {"code": "UNAUTHORIZED", "message": "Invalid API key"}}


def ask(server, *lines, path=b"/v1/chatbots"):
    """Send a GET with header ``lines`` as they are; return the status and the body's JSON."""
    request = b"\r\n".join([b"GET " + path + b" HTTP/1.1", b"Host: localhost", *lines, b"Connection: close"])
    return answer(server, request + b"\r\n\r\n")


def answer(server, request):
    with socket.create_connection((server.host, server.port), timeout=60) as connection:
        connection.sendall(request)
        head, _, body = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")
    assert b"application/json" in head, head
    return int(head.split()[1]), json.loads(body[body.index(b"{") : body.rindex(b"}") + 1])


@pytest.fixture(scope="module")
def key(server):
    return server.issue(server.new_member())


def test_genuine_key_is_served(server, key):
    status, body = ask(server, b"Authorization: Bearer " + key.encode())

    assert status == 200
    assert body["results"] == []


def test_two_authorization_headers_are_one_wrong_key(server, key):
    header = b"Authorization: Bearer " + key.encode()

    assert ask(server, header, header) == (401, INVALID_KEY)


@pytest.mark.parametrize("token", [b"w" * 65536, b"wzc_\xff\xfe", "wzc_é".encode()])
def test_odd_tokens_reach_the_api(server, token):
    assert ask(server, b"Authorization: Bearer " + token) == (401, INVALID_KEY)


@pytest.mark.parametrize(
    "request_line",
    [
        b"GARBAGE",
        b"GET /v1/\0 HTTP/1.1",
        b"GET /v1/\xff HTTP/1.1",
        b"GET /v1/chatbots HTTP/1.1\r\nA: b\0c",
        b"POST /v1/chatbots HTTP/1.1\r\nTransfer-Encoding: odd",
        b"GET /v1/chatbots HTTP/1.1\nHost: localhost\n\n",
    ],
)
def test_what_is_not_http_gets_the_envelope(server, request_line):
    status, body = answer(server, request_line + b"\r\n\r\n")

    assert status == 400
    assert body == catalogue.INVALID_HTTP.body()


def test_overlong_url_and_headers_get_the_envelope(server):
    status, body = ask(server, path=b"/v1/" + b"a" * 65536)
    assert (status, list(body["error"])) == (414, ["code", "message"])

    status, body = ask(server, *[b"X-%d: 1" % number for number in range(200)])
    assert (status, list(body["error"])) == (431, ["code", "message"])


def test_client_that_sends_its_whole_body_first_gets_a_response_whatever_the_size(server, key):
    for headers, status in ({}, 401), ({"Authorization": f"Bearer {key}"}, 403):
        with closing(HTTPConnection(server.host, server.port, timeout=60)) as connection:
            connection.request("POST", "/v1/chatbots", b" " * 30_000_000, headers)
            assert connection.getresponse().status == status


def test_chunked_body_is_a_body_like_any_other(server):
    admin = server.issue(server.new_member(), "admin").encode()
    lines = [b"POST /v1/chatbots HTTP/1.1", b"Host: localhost", b"Connection: close"]
    head = b"\r\n".join([*lines, b"Content-Type: application/json", b"Transfer-Encoding: chunked", b""])
    authorized = head + b"Authorization: Bearer " + admin + b"\r\n"
    body = b'\r\n6\r\n{"name\r\n8\r\n":"Bot"}\r\n0\r\n\r\n'

    status, chatbot = answer(server, authorized + body)
    assert (status, chatbot["name"]) == (201, "Bot")
    assert answer(server, head + body)[0] == 401
    assert answer(server, authorized + b"\r\n500000\r\n" + b" " * 0x500000 + b"\r\n0\r\n\r\n")[0] == 413
    assert answer(server, authorized + b"\r\nfive\r\n\r\n")[0] == 400


def test_log_names_the_path_and_no_secret(server, key):
    whole, quoted = key.encode(), key.replace("w", "%77", 1).encode()
    ask(server, path=b"/v1/" + whole + b"?key=" + whole)
    ask(server, path=b"/v1/" + quoted)
    ask(server, path=b"/v1/line%0A127.0.0.1%20forged")
    ask(server, b"Referer: http://localhost/?" + whole, b"User-Agent: " + whole)
    ask(server, b"Authorization: Basic " + whole)
    answer(server, b"GET /" + whole + b"?" + whole + b" FTP/1.1\r\n\r\n")
    answer(server, whole + b" /v1/chatbots HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")

    log = server.log.read_text()
    lines = [json.loads(line) for line in log.splitlines()]
    assert f"GET /v1/{masked(id_of(key))} 404" in {line["message"] for line in lines}
    assert secret_of(key) not in log
    assert "key=" not in log


@pytest.fixture(scope="module")
def proxied(tmp_path_factory):
    """A server that trusts this machine as its proxy."""
    environ = {"TRUSTED_PROXIES": "127.0.0.1", "HTTPS_ONLY": "on"}
    with closing(Server(tmp_path_factory.mktemp("proxied"), **environ)) as proxied:
        yield proxied.prepare().start()


def allowed_from(server, address):
    """Return an Authorization header with a key that only works from ``address``."""
    words = ["create", "--owner", server.new_member().username, "--name", "There", "--permission", "read"]
    return b"Authorization: Bearer " + server.manage("apikey", *words, "--allow-ip", address).strip().encode()


def test_forwarded_headers_are_ignored_where_no_proxy_is_trusted(server):
    authorization = allowed_from(server, "203.0.113.7")

    assert ask(server, authorization, b"X-Forwarded-For: 203.0.113.7")[0] == 403


def test_trusted_proxys_header_counts_and_a_look_alike_header_does_not(proxied):
    here, there = b"X-Forwarded-For: 203.0.113.7", b"X-Forwarded-For: 198.51.100.1"
    authorization, https = allowed_from(proxied, "203.0.113.7"), b"X-Forwarded-Proto: https"

    assert ask(proxied, authorization, https, here)[0] == 200
    assert ask(proxied, authorization, https, there)[0] == 403
    assert ask(proxied, authorization, https, there, here.replace(b"-", b"_"))[0] == 403
    assert ask(proxied, authorization, here)[1]["error"]["code"] == "HTTPS_REQUIRED"


def test_stranger_cannot_claim_https_and_server_stops_when_asked(serve):
    server = serve(HTTPS_ONLY="on")

    assert ask(server, b"X-Forwarded-Proto: https")[1]["error"]["code"] == "HTTPS_REQUIRED"
    assert server.stop() == 0


def test_silent_client_does_not_keep_the_server_from_stopping(serve):
    server = serve()

    with socket.create_connection((server.host, server.port)):
        assert ask(server)[0] == 401  # by now the worker has both connections
        assert server.stop(within=25) == 0  # sooner than gunicorn would kill the worker


@pytest.mark.parametrize(
    ("variable", "value"),
    [("WEB_CONCURRENCY", "many"), ("PORT", "99999"), ("RATE_LIMIT", "0/minute"), ("CACHE_URL", "nowhere")],
)
def test_an_invalid_variable_is_refused_in_a_sentence(variable, value):
    done = subprocess.run(
        [sys.executable, "-m", "wizchat.gunicorn"],
        env=os.environ | {variable: value, "DEBUG": "on"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"Configuration error: {variable}")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("coding", [b"SECRET", b"chunked, gzip", b"identity", b""])
def test_an_unknown_transfer_coding_is_refused_at_once(server, coding):
    lines = [b"POST /v1/chatbots HTTP/1.1", b"Host: localhost", b"Transfer-Encoding: " + coding]

    assert answer(server, b"\r\n".join([*lines, b"", b""])) == (400, catalogue.INVALID_HTTP.body())
