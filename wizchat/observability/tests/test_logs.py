"""The logs: each line is one record, and no line contains a key."""

import io
import json
import logging
from ipaddress import ip_network

import pytest
from django.test import Client, RequestFactory
from django.utils import timezone

from apikeys.core import keyformat
from testing.keys import forged, id_of, secret_of
from wizchat.observability.error_reports import Reporter
from wizchat.observability.logs import JSONLines, Lines, configuration, request_id

BODY = "wzc_0123456789ab_" + "Sec7" * 10 + "ret"
KEY = BODY + keyformat.checksum(BODY)
SECRET = secret_of(KEY)


@pytest.fixture
def log():
    """Return a function that logs with a formatter and returns what was written."""

    def log(formatter, message, *arguments, **options):
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(formatter)
        logger = logging.Logger("test")
        logger.addHandler(handler)
        logger.error(message, *arguments, **options)
        return stream.getvalue()

    return log


@pytest.fixture
def lines():
    """Collect what the project's own configuration writes, one object per line."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JSONLines())
    logging.getLogger().addHandler(handler)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.getLogger().removeHandler(handler)


@pytest.mark.parametrize("formatter", [JSONLines(), Lines()])
def test_no_line_has_a_key_in_message_argument_extra_or_traceback(log, formatter):
    try:
        raise ValueError(KEY) from KeyError(KEY)
    except ValueError as error:
        written = log(formatter, f"at {KEY}: %s %s", KEY, [KEY], exc_info=error, extra={"path": f"/{KEY}"})

    assert id_of(KEY) in written
    assert SECRET not in written


@pytest.mark.parametrize("character", ["\n", "\r", "\x1b", "\x85", "\u2028", "\0"])
@pytest.mark.parametrize("formatter", [JSONLines(), Lines()])
def test_text_from_a_client_starts_no_line_and_moves_no_cursor(log, formatter, character):
    written = log(formatter, "path %s", f"/{character}ERROR forged")

    assert len(written.splitlines()) == 1
    assert character not in written.removesuffix("\n")


def test_a_json_line_says_when_where_and_for_which_request(log):
    token = request_id.set("abc-123")
    line = json.loads(log(JSONLines(), "hello", extra={"key_id": "k"}))
    request_id.reset(token)

    assert line["time"].endswith("+00:00")
    assert (line["level"], line["logger"], line["message"]) == ("ERROR", "test", "hello")
    assert (line["request_id"], line["key_id"]) == ("abc-123", "k")


def test_lines_are_readable_text_only_while_debugging():
    assert configuration(debug=True)["formatters"]["lines"]["()"] is Lines
    assert configuration(debug=False)["formatters"]["lines"]["()"] is JSONLines


@pytest.mark.parametrize("get", ["get_traceback_html", "get_traceback_text"])
def test_a_report_of_an_exception_has_no_key(get):
    request = RequestFactory().post(
        f"/{KEY}?key={KEY}",
        {"key": KEY},
        headers={"authorization": f"Bearer {KEY}", "referer": f"http://localhost/?{KEY}"},
    )

    def fail(raw, parts):
        raise ValueError(raw, parts)

    try:
        fail(KEY, keyformat.parse(KEY))
    except ValueError as error:
        report = getattr(Reporter(request, type(error), error, error.__traceback__), get)()

    assert id_of(KEY) in report
    assert secret_of(KEY) not in report


@pytest.fixture
def refusals(lines):
    """Return the logged reason and id of each refused key."""
    return lambda: [(line["reason"], line["key_id"]) for line in lines() if "reason" in line]


@pytest.mark.django_db
def test_a_refused_key_is_one_line_with_its_reason_and_id(issue, call, lines):
    key, raw = issue()
    key.revoke(by=None, now=key.created_at)

    call(raw, headers={"x-request-id": "from-the-client"})

    (line,) = lines()
    assert (line["level"], line["logger"], line["request_id"]) == (
        "WARNING",
        "wizchat.requests",
        "from-the-client",
    )
    assert line["message"] == f"GET /v1/chatbots 401: API key {key.key_id} refused: revoked"
    assert (line["reason"], line["key_id"]) == ("revoked", key.key_id)
    assert (line["address"], line["status"]) == ("127.0.0.1", 401)
    assert line["milliseconds"] >= 0
    assert secret_of(raw) not in str(lines())


@pytest.mark.django_db
def test_each_reason_is_logged_for_operators(issue, call, refusals, owner):
    expired, listed, reader = (
        issue(expires_at=timezone.now()),
        issue(allowed_networks="203.0.113.7"),
        issue(permissions=1),
    )
    calls = [(expired, "expired"), (listed, "address"), (reader, "permission")]
    for (_key, raw), _reason in calls:
        call(raw, "POST")
    call(KEY)
    call("forged")
    call(forged(reader[0].key_id))
    owner.is_active = False
    owner.save()
    call(reader[1])

    assert refusals() == [
        *((reason, key.key_id) for (key, _raw), reason in calls),
        ("unknown", id_of(KEY)),
        ("malformed", None),
        ("wrong_secret", reader[0].key_id),
        ("inactive_owner", reader[0].key_id),
    ]


@pytest.mark.django_db
def test_guesses_past_the_limit_are_logged_too(call, lines, refusals, settings):
    settings.AUTH_FAILURES_PER_MINUTE = 2

    statuses = [call(raw).status_code for raw in [KEY, "forged"] * 3]

    assert statuses == [401, 401, 429, 429, 429, 429]
    assert refusals() == [("unknown", id_of(KEY)), ("malformed", None)] * 3
    assert [line["status"] for line in lines() if "reason" in line] == statuses
    assert [line["logger"] for line in lines()].count("apikeys.auth.failed_attempts") == 1


@pytest.mark.parametrize(("raw", "key_id"), [(KEY, id_of(KEY)), ("forged", None)])
def test_a_key_sent_in_the_clear_is_logged(refusals, settings, raw, key_id):
    settings.HTTPS_ONLY = True

    assert Client().get("/v1/chatbots", headers={"authorization": f"Bearer {raw}"}).status_code == 403

    assert refusals() == [("plain_http", key_id)]


@pytest.mark.django_db
def test_an_accepted_key_and_a_missing_one_are_not_refused_keys(issue, call, lines, refusals):
    _key, raw = issue()
    call(raw)
    call()

    assert refusals() == []
    assert [(line["level"], line["message"]) for line in lines()] == [
        ("INFO", "GET /v1/chatbots 200"),
        ("INFO", "GET /v1/chatbots 401"),
    ]


@pytest.mark.django_db
def test_the_line_of_a_request_names_the_client_behind_the_proxy(client, lines, settings):
    settings.TRUSTED_PROXIES = (ip_network("127.0.0.1"),)

    client.get("/nowhere", headers={"x-forwarded-for": "203.0.113.7"})
    client.get("/nowhere", headers={"x-forwarded-for": "nobody"})

    assert [line["address"] for line in lines()] == ["203.0.113.7", None]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/v1/%0d%0aERROR", "/%00", "/caf%C3%A9", "/%ff%fe", f"/v1/{KEY}"])
def test_the_path_of_a_request_cannot_break_its_line(client, lines, caplog, path):
    client.get(f"{path}?key={KEY}", headers={"referer": KEY, "user-agent": KEY})

    (line,) = [line for line in lines() if line["logger"] == "wizchat.requests"]
    assert line["message"].startswith("GET /")
    assert line["message"].isprintable()
    assert SECRET not in str(line)
    assert SECRET not in caplog.text  # what other handlers get


def test_a_client_can_choose_its_request_id():
    assert Client().get("/healthz", headers={"x-request-id": "a.b-c9"})["X-Request-ID"] == "a.b-c9"


@pytest.mark.parametrize("given", [None, "", "a b", "a\nb", "x" * 129, KEY, "é", "<b>"])
def test_any_other_request_id_is_replaced(given):
    headers = {} if given is None else {"x-request-id": given}
    first, second = (Client().get("/healthz", headers=headers)["X-Request-ID"] for _ in range(2))

    assert first != second
    assert len(first) == 32


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/v1/chatbots", "/v1/nowhere", "/nowhere", "/accounts/login/"])
def test_every_response_has_a_request_id(path):
    assert len(Client().get(path)["X-Request-ID"]) == 32
