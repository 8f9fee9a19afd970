"""Two nginx proxies in a row in front of the server, with the deployed configuration.

The client is 127.0.0.9; all others are 127.0.0.1, the only trusted address.
"""

from __future__ import annotations

import json
import re
import resource
import socket
from contextlib import ExitStack, closing, contextmanager, suppress
from http.client import HTTPResponse
from pathlib import Path

import pytest
from django.urls import get_resolver

from testing.client import Answer, call, send
from testing.keys import id_of, secret_of
from testing.proxies import Nginx
from testing.server import ROOT, Server
from testing.services import free_port, wait_until
from wizchat.api import catalogue

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("proxy")]

TEMPLATE = ROOT / "deploy" / "nginx" / "wizchat.conf.template"
CLIENT, STRANGER = "127.0.0.9", "127.0.0.8"
NOBODY = "255.255.255.255"
LIMIT = 10
MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    environ = {"HTTPS_ONLY": "on", "TRUSTED_PROXIES": "127.0.0.1", "AUTH_FAILURES_PER_MINUTE": str(LIMIT)}
    with closing(Server(tmp_path_factory.mktemp("server"), **environ)) as server:
        yield server.prepare().start()


@pytest.fixture(scope="module")
def inner(server):
    nginx = Nginx(TEMPLATE, APP=server.url.removeprefix("http://"), BALANCER="127.0.0.1")
    yield nginx.start()
    nginx.close()


@pytest.fixture(scope="module")
def outer(inner):
    nginx = Nginx(TEMPLATE, APP=inner.address, BALANCER=NOBODY)
    yield nginx.start()
    nginx.close()


@pytest.fixture(scope="module")
def member(server):
    return server.new_member()


@pytest.fixture(scope="module")
def key(server, member):
    """A key that only works from the client's address."""
    command = ["apikey", "create", "--owner", member.username, "--name", "K", "--permission", "read"]
    return server.manage(*command, "--allow-ip", CLIENT).strip()


def message(answer):
    return answer.status, answer.error["message"]


def send_raw(url, request):
    """Send the raw bytes of ``request`` without TLS; return the ``Answer``."""
    host, port = url.rpartition("/")[2].split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(request)
        response = HTTPResponse(connection)
        response.begin()
        return Answer(response.status, dict(response.getheaders()), response.read().decode())


WRONG_ADDRESS = (403, "IP address not allowed")
HTTPS_REQUIRED = (403, "HTTPS is required")


def test_over_two_hops_the_key_is_checked_for_the_clients_address(outer, key):
    assert call(outer.tls_url, key, source=CLIENT).status == 200
    assert message(call(outer.tls_url, key, source=STRANGER)) == WRONG_ADDRESS


@pytest.mark.parametrize("forged", [CLIENT, f"{CLIENT}, 127.0.0.1", f"127.0.0.1, {CLIENT}"])
def test_a_strangers_claim_about_its_address_is_ignored(outer, inner, key, forged):
    for url in (outer.tls_url, inner.tls_url):
        answer = call(url, key, source=STRANGER, **{"X-Forwarded-For": forged})
        assert message(answer) == WRONG_ADDRESS


def test_https_at_the_first_hop_is_https(outer, key):
    assert message(call(outer.url, key, source=CLIENT)) == HTTPS_REQUIRED
    page = send(outer.url, path="/accounts/login/", source=CLIENT)
    assert (page.status, page.headers["Location"]) == (
        301,
        outer.url.replace("http://", "https://") + "/accounts/login/",
    )
    assert send(outer.tls_url, path="/accounts/login/", source=CLIENT).status == 200


@pytest.mark.parametrize("forged", ["https", "https, https", "http, https"])
def test_only_a_trusted_balancer_can_claim_https(outer, inner, key, forged):
    for url in (outer.url, inner.url):
        answer = call(url, key, source=CLIENT, **{"X-Forwarded-Proto": forged})
        assert message(answer) == HTTPS_REQUIRED


def test_guesses_are_counted_by_the_clients_address(outer, key):
    statuses = [call(outer.tls_url, "wrong", source="127.0.0.7").status for _ in range(LIMIT + 5)]

    assert statuses == [401] * LIMIT + [429] * 5
    assert call(outer.tls_url, "wrong", source="127.0.0.6").status == 401


@pytest.mark.parametrize("path", ["/readyz", "/metrics"])
def test_internal_paths_are_not_reachable_from_outside(outer, path):
    assert send(outer.tls_url, path=path, source=CLIENT).status == 404


def test_probes_work_under_any_host_name(server):
    assert send(server.url, path="/healthz", Host="172.16.0.1").status == 200
    assert send(server.url, path="/readyz", Host="172.16.0.1").status == 200


def test_a_request_keeps_its_id_all_the_way(outer, inner, server, key):
    answer = call(outer.tls_url, key, source=CLIENT, **{"X-Request-ID": "trace-1"})

    assert answer.headers["X-Request-Id"] == "trace-1"
    for log in (server.log, inner.log, outer.log):
        wait_until(lambda log=log: "trace-1" in log.read_text(), "the line of the request")


NOT_HTTP = (400, catalogue.INVALID_HTTP.body())
HEAD = b"GET /v1/chatbots?key=SECRET HTTP/1.1\r\nHost: localhost\r\n"
UNREADABLE = {
    "garbage": b"SECRET\r\n\r\n",
    "no method": b"/v1/chatbots?key=SECRET HTTP/1.1\r\n\r\n",
    "an odd path": b"GET /v1/\0?key=SECRET HTTP/1.1\r\n\r\n",
    "another protocol": b"GET /v1/chatbots?key=SECRET HTTP/9.0\r\n\r\n",
    "an odd header": HEAD + b"A: SECRET\0\r\n\r\n",
    "an odd length": HEAD + b"Content-Length: SECRET\r\n\r\n",
    "an odd coding": HEAD + b"Transfer-Encoding: SECRET\r\n\r\n",
    "a long path": b"GET /v1/chatbots?key=SECRET" + b"x" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "an endless path": b"GET /v1/chatbots?key=SECRET" + b"x" * 200_000 + b" HTTP/1.1\r\n\r\n",
    "an endless header": HEAD + b"A: SECRET" + b"x" * 200_000 + b"\r\n\r\n",
    "endless headers": HEAD + 150 * (b"A: SECRET" + b"x" * 5000 + b"\r\n") + b"\r\n",
}


def has_api_headers(answer):
    wanted = {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "Vary": "Authorization",
        "X-Content-Type-Options": "nosniff",
    }
    return wanted.items() <= answer.headers.items() and "Retry-After" not in answer.headers


@pytest.mark.parametrize("request_", UNREADABLE.values(), ids=UNREADABLE)
def test_malformed_requests_get_the_same_response_as_from_the_server(outer, server, request_):
    answer, wanted = send_raw(outer.url, request_), send_raw(server.url, request_)

    assert (answer.status, answer.json) == (wanted.status, wanted.json)
    assert has_api_headers(answer)
    assert "SECRET" not in answer.text + outer.log.read_text()


@pytest.mark.parametrize("host", [b"", b"Host: a/SECRET\r\n", b"Host: a\r\nHost: SECRET\r\n"])
def test_a_request_needs_exactly_one_host(outer, host):
    answer = send_raw(outer.url, b"GET /v1/chatbots?key=SECRET HTTP/1.1\r\n" + host + b"\r\n")

    assert (answer.status, answer.json) == NOT_HTTP
    assert has_api_headers(answer)
    assert "SECRET" not in answer.text + outer.log.read_text()


def test_plain_http_on_the_https_port_is_invalid(outer):
    answer = send_raw(outer.tls_url, HEAD + b"\r\n")

    assert (answer.status, answer.json) == NOT_HTTP
    assert has_api_headers(answer)
    wait_until(lambda: '"path":"/unreadable","status":400' in outer.log.read_text(), "its line")
    assert "SECRET" not in answer.text + outer.log.read_text()


@pytest.mark.parametrize("method", ["TRACE", "CONNECT"])
def test_methods_that_the_proxy_does_not_forward_are_not_allowed(outer, method):
    answer = send(outer.tls_url, method, "/v1/chatbots?key=SECRET")

    assert (answer.status, answer.json) == (405, catalogue.for_status(405).body())
    assert answer.headers["Allow"] == "GET, HEAD, POST, PATCH, DELETE"
    assert has_api_headers(answer)
    assert "SECRET" not in answer.text + outer.log.read_text()


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1?key=SECRET", "/v1/chatbots"])
def test_a_body_that_is_too_large_gets_the_envelope(outer, key, path):
    answer = call(outer.tls_url, key, "POST", path, body={"name": "x" * 2_000_000}, source=CLIENT)

    assert (answer.status, answer.json) == (413, catalogue.for_status(413).body())
    assert has_api_headers(answer)


def test_malformed_chunks_are_invalid(outer):
    answer = send_raw(outer.url, HEAD + b"Transfer-Encoding: chunked\r\n\r\nSECRET\r\n")

    assert (answer.status, answer.json) == NOT_HTTP
    assert has_api_headers(answer)


def test_the_api_has_no_page_at_its_root(outer):
    answer = send(outer.tls_url, path="/v1", source=CLIENT)

    assert (answer.status, answer.json) == (404, catalogue.for_status(404).body())


def test_a_key_as_long_as_a_header_may_be_is_invalid(outer):
    assert message(call(outer.tls_url, "x" * 8_000, source="127.0.0.5")) == (401, "Invalid API key")


def test_a_key_that_is_longer_than_a_header_may_be_gets_the_envelope(outer):
    answer = call(outer.tls_url, "x" * 64_000, source="127.0.0.5")

    assert (answer.status, answer.json) == (431, catalogue.HEADERS_TOO_LARGE.body())
    assert has_api_headers(answer)


def test_while_the_server_is_down_the_api_is_unavailable(key):
    nginx = Nginx(TEMPLATE, APP=f"127.0.0.1:{free_port()}", BALANCER=NOBODY).start()
    paths = [f"/v1/{key}?key={key}", "/v1", f"/v1?key={key}", "/v1/"]
    answers = [call(nginx.tls_url, key, path=path, source=CLIENT) for path in paths]
    page = send(nginx.tls_url, path="/v1x", source=CLIENT)
    log = nginx.log.read_text()
    nginx.close()

    for answer in answers:
        assert (answer.status, answer.json) == (503, catalogue.for_status(503).body())
        assert answer.headers.pop("Retry-After") == "5"
        assert has_api_headers(answer)
    assert page.headers["Content-Type"] == "text/html"
    assert [json.loads(line)["path"] for line in log.splitlines()][1:4] == ["/v1", "/v1", "/v1/"]
    assert secret_of(key) not in log


def secret_routes(patterns=None, before=""):
    """Return the path of each page under /accounts/ whose path contains a secret, with a secret filled in."""
    for pattern in patterns or get_resolver().url_patterns:
        route = before + str(pattern.pattern).removeprefix("^")
        if hasattr(pattern, "url_patterns"):
            if "accounts/".startswith(route) or route.startswith("accounts/"):
                yield from secret_routes(pattern.url_patterns, route)
        elif re.search(r"<(?:\w+:)?(?:key|token|code|uidb\w+)>", route) and route.startswith("accounts/"):
            yield "/" + re.sub(r"\(\?P<\w+>[^)]*\)|<[^>]+>", "S3CRET", route).rstrip("$")


ACCOUNT_LINKS = [*secret_routes(), "/accounts/%63onfirm-email/S3CRET", "//accounts//confirm-email//S3CRET/"]


def test_the_links_of_emails_are_found():
    assert {"/accounts/confirm-email/S3CRET/", "/accounts/password/reset/key/S3CRET-S3CRET/"} <= {
        *ACCOUNT_LINKS
    }


def test_no_log_of_the_proxy_has_a_link_that_signs_in(outer):
    for path in ACCOUNT_LINKS:
        send(outer.tls_url, path=path, source=CLIENT)
    send(outer.tls_url, path="/accounts/password/reset/key/done/", source=CLIENT)

    wait_until(lambda: "/accounts/password/reset/key/done/" in outer.log.read_text(), "the last line")
    assert "S3CRET" not in outer.log.read_text()
    assert '"path":"/accounts/confirm-email/<key>/"' in outer.log.read_text()
    assert '"path":"/accounts/password/reset/key/<key>/"' in outer.log.read_text()


def test_cookies_belong_to_the_host_and_a_cookie_from_a_subdomain_is_ignored(outer, member):
    cookie = send(outer.tls_url, path="/accounts/login/", source=CLIENT).headers["Set-Cookie"]
    name, *attributes = cookie.split("; ")
    own, planted = (
        send(outer.tls_url, path="/settings/api/", source=CLIENT, Cookie=f"{name}={member.session}")
        for name in ("__Host-sessionid", "sessionid")
    )

    assert name.startswith("__Host-csrftoken=")
    assert {"Secure", "Path=/"} <= set(attributes)
    assert "domain" not in cookie.lower()
    assert (own.status, planted.status) == (200, 302)


@contextmanager
def unfinished(nginx, count, request):
    """Hold ``count`` connections from one address, each with a ``request`` that doesn't end."""
    host, port = nginx.address.split(":")
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
    with ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, limit)
        held = []
        for _ in range(count):
            connection = socket.create_connection((host, int(port)), 40, source_address=("127.0.0.66", 0))
            held.append(stack.enter_context(connection))
            connection.sendall(request)
        yield held


@pytest.fixture
def alone(server):
    """An nginx that no other test shares."""
    nginx = Nginx(TEMPLATE, APP=server.url.removeprefix("http://"), BALANCER=NOBODY)
    yield nginx.start()
    nginx.close()


def test_thousands_of_unfinished_requests_leave_room_for_others_and_are_dropped(alone, key):
    with unfinished(alone, 2_200, HEAD) as held:
        assert call(alone.tls_url, key, source=CLIENT).status == 200
        for connection in held:
            # The server must close it before the client's timeout.
            with suppress(ConnectionResetError):
                assert connection.recv(1) == b""


def test_headers_that_do_not_end_cost_little_memory(alone):
    assert call(alone.tls_url, source="127.0.0.5").status == 401  # starts the worker that is measured
    before = alone.memory()
    line = b"A: " + b"x" * 7_000 + b"\r\n"

    with unfinished(alone, 400, HEAD + 4 * line + b"B: "):
        assert call(alone.tls_url, source="127.0.0.5").status == 401  # nginx reads this one last
        assert alone.memory() - before < 32 * MEGABYTE


def test_no_log_on_the_way_has_the_key(outer, inner, server, key):
    odd = {"Referer": f"https://localhost/?{key}", "User-Agent": key, "X-Request-ID": key, "source": CLIENT}
    send(outer.tls_url, path=f"/v1/{key}/x?key={key}", **odd)
    send(outer.tls_url, path=f"/v1/{key}/{key}", **odd)
    send(outer.tls_url, path=f"/v1/{key.replace('_', '%255F')}", **odd)
    send(outer.tls_url, path=f"/settings/api/{key}/", Authorization=f"Basic {key}", **odd)
    call(outer.tls_url, key + "x", **odd)
    call(outer.tls_url, key, path="/v1/the-last", source=CLIENT)

    for log in (outer.log, inner.log, server.log):
        wait_until(lambda log=log: "/v1/the-last" in log.read_text(), "the last line")
        assert secret_of(key) not in log.read_text()
        assert id_of(key) in log.read_text()
    assert all(json.loads(line) for line in Path(outer.log).read_text().splitlines())
