"""Every response under /v1/ has one shape, whatever goes wrong."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from django.db import DatabaseError, InterfaceError, OperationalError
from django.middleware.common import CommonMiddleware
from django.test import Client

from apikeys.auth import authentication
from testing.fixtures import error, outcome
from testing.keys import forged, secret_of

NOT_FOUND = error(404, "NOT_FOUND", "Not found")

pytestmark = pytest.mark.django_db


def assert_api_headers(response):
    assert response["Cache-Control"] == "no-store"
    assert response["Vary"] == "Authorization"
    assert response["X-Content-Type-Options"] == "nosniff"
    if response.content:
        assert response["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/", "/v1/nothing", "/v1//chatbots", "/v1/chatbots/x/y/z", "/v1/%00", "/v1/é"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "TRACE"])
def test_an_unknown_path_is_not_found_for_anyone(issue, call, path, method):
    _key, raw = issue()

    for response in (call(raw, method, path), call(None, method, path)):
        assert outcome(response) == NOT_FOUND
        assert_api_headers(response)


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*", "garbage", "application/json;q=0"])
def test_the_response_is_json_whatever_accept_says(issue, call, accept):
    _key, raw = issue()

    for response in (
        call(raw, HTTP_ACCEPT=accept),
        call(HTTP_ACCEPT=accept),
        call(path="/v1/no", HTTP_ACCEPT=accept),
    ):
        assert response.json()
        assert_api_headers(response)


def test_a_format_parameter_changes_nothing(issue, call):
    _key, raw = issue()

    assert call(raw, path="/v1/chatbots?format=html").status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_every_response_has_the_headers(issue, call, method):
    _key, raw = issue()

    assert_api_headers(call(raw, method))
    assert_api_headers(call(None, method))


def test_a_trailing_slash_is_served_and_never_redirected(issue, call):
    _key, raw = issue()

    assert call(raw, path="/v1/chatbots/").status_code == 200
    assert call(raw, "POST", "/v1/chatbots/", {"name": "Bot"}).status_code == 201


UNUSABLE = {
    "not JSON": b"{",
    "empty text": b" ",
    "not UTF-8": b'{"name": "\xff"}',
    "UTF-16": '{"name": "Bot"}'.encode("utf-16"),
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 30_000 + b"1" + b"}" * 30_000,
    "NaN": b'{"name": "Bot", "description": NaN}',
    "Infinity": b'{"name": -Infinity}',
    "long number": b'{"name": ' + b"9" * 5000 + b"}",
    "a list": b"[]",
    "a string": b'"name"',
    "null": b"null",
    "a number": b"1",
}


@pytest.mark.parametrize("body", UNUSABLE.values(), ids=UNUSABLE)
def test_a_body_that_is_not_a_json_object_is_a_clear_error(issue, call, body):
    _key, raw = issue()

    response = call(raw, "POST", body=body)

    assert response.status_code == 400
    problem = response.json()["error"]
    assert problem["code"] == "VALIDATION_ERROR"
    assert problem["message"] in {
        "The request body is not valid JSON",
        "The request body must be a JSON object",
    }
    assert problem["fields"] == {}
    assert_api_headers(response)


@pytest.mark.parametrize("text", [rb"\ud800", rb"a\u0000b"])
def test_surrogates_and_nul_in_text_are_refused(issue, call, text):
    _key, raw = issue()

    response = call(raw, "POST", body=b'{"name": "' + text + b'"}')

    assert response.status_code == 400
    assert list(response.json()["error"]["fields"]) == ["name"]


def test_an_error_that_repeats_a_surrogate_escapes_it(issue, call):
    _key, raw = issue()
    body = rb'{"name": "n", "permissions": ["read"], "allowed_ips": ["\ud800"]}'

    response = call(raw, "POST", "/v1/keys", body=body)

    assert response.status_code == 400
    assert response.json()["error"]["fields"] == {
        "allowed_ips": [r'Entry 1: "\ud800" is not an IP address or range']
    }


@pytest.mark.parametrize("size", [256 * 1024 + 1, 5 * 1024 * 1024])
def test_a_body_over_the_limit_is_too_large(issue, call, size):
    _key, raw = issue()

    response = call(raw, "POST", body={"name": "B", "description": "x" * size})

    assert outcome(response) == error(413, "PAYLOAD_TOO_LARGE", "The request body is too large")
    assert_api_headers(response)


def test_a_chunked_body_is_asked_for_its_length(issue, call):
    _key, raw = issue()

    response = call(raw, "POST", body={"name": "Bot"}, HTTP_TRANSFER_ENCODING="chunked")

    assert outcome(response) == error(411, "LENGTH_REQUIRED", "The request needs a Content-Length")
    assert_api_headers(response)


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/json; charset=latin-1",
        "application/json; charset=nonsense",
        "",
        "garbage",
    ],
)
def test_another_content_type_or_charset_is_unsupported(issue, call, content_type):
    _key, raw = issue()

    response = call(raw, "POST", body={"name": "Bot"}, content_type=content_type)

    assert outcome(response) == error(
        415, "UNSUPPORTED_MEDIA_TYPE", "The request body must be application/json in UTF-8"
    )


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=UTF-8"])
def test_json_in_utf_8_is_accepted(issue, call, content_type):
    _key, raw = issue()

    assert call(raw, "POST", body={"name": "Bøt"}, content_type=content_type).json()["name"] == "Bøt"


def test_a_wrong_host_gets_the_envelope(issue, call):
    _key, raw = issue()
    for name in ("one", "two"):
        call(raw, "POST", body={"name": name})

    response = call(raw, path="/v1/chatbots?page_size=1", HTTP_HOST="evil.example.com")

    assert response.status_code == 400
    assert_api_headers(response)
    assert "evil" not in response.content.decode()


def test_a_crash_reveals_no_internals(issue, call, monkeypatch):
    _key, raw = issue()

    def crash(*args):
        raise RuntimeError(f"secret path and {raw}")

    monkeypatch.setattr(authentication, "lookup", crash)

    response = call(raw)
    assert outcome(response) == error(500, "INTERNAL_ERROR", "Internal server error")
    assert_api_headers(response)


@pytest.mark.parametrize("exception", [OperationalError, InterfaceError, DatabaseError])
def test_a_failed_database_is_unavailable_never_unauthorized(issue, call, monkeypatch, exception):
    _key, raw = issue()

    def fail(*args):
        raise exception("database is locked")

    monkeypatch.setattr(authentication, "lookup", fail)

    response = call(raw)
    assert outcome(response) == error(503, "UNAVAILABLE", "Service temporarily unavailable")
    assert int(response["Retry-After"]) > 0
    assert_api_headers(response)


@pytest.mark.parametrize("debug", [False, True])
def test_an_exception_outside_the_views_is_enveloped_too(call, settings, monkeypatch, debug):
    settings.DEBUG = debug

    def crash(self, request):
        raise RuntimeError("inside")

    monkeypatch.setattr(CommonMiddleware, "process_request", crash)

    response = call()
    assert outcome(response) == error(500, "INTERNAL_ERROR", "Internal server error")


def test_over_plain_http_the_api_refuses_and_never_redirects(settings):
    settings.HTTPS_ONLY = True
    settings.SECURE_SSL_REDIRECT = True

    for path in ("/v1/chatbots", "/v1/nothing"):
        response = Client().get(path)
        assert outcome(response) == error(403, "HTTPS_REQUIRED", "HTTPS is required")
        assert_api_headers(response)


def test_only_a_trusted_proxy_can_say_that_the_client_came_over_https(settings):
    settings.HTTPS_ONLY = True
    forwarded = {"HTTP_X_FORWARDED_PROTO": "https"}

    assert Client().get("/v1/chatbots", **forwarded).status_code == 403
    settings.TRUSTED_PROXIES = (ip_network("10.0.0.0/8"),)
    assert Client().get("/v1/chatbots", REMOTE_ADDR="10.0.0.1", **forwarded).status_code == 401
    assert Client().get("/v1/chatbots", REMOTE_ADDR="192.0.2.1", **forwarded).status_code == 403
    forged = {"HTTP_X_FORWARDED_PROTO": "https, http"}
    assert Client().get("/v1/chatbots", REMOTE_ADDR="10.0.0.1", **forged).status_code == 403


def test_no_response_repeats_the_key(issue, call):
    _key, raw = issue()

    for text in (raw, forged()):
        for response in (
            call(text),
            call(path=f"/v1/{text}"),
            call(raw, path=f"/v1/chatbots/{text}"),
            call(raw, path=f"/v1/chatbots?page_size={text}&cursor={text}"),
            call(raw, "POST", body={text: text}),
            call(raw, text[:20].replace("_", "")),
        ):
            assert secret_of(text) not in response.content.decode() + str(dict(response.items()))
