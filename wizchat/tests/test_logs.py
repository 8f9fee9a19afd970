"""What operators read: each line is one record, and no line has a key."""

import io
import json
import logging

import pytest
from django.test import Client, RequestFactory

from apikeys import keyformat
from wizchat.logs import JSONLines, Lines, configuration, request_id
from wizchat.reports import Reporter

BODY = "wzc_0123456789ab_" + "Sec7" * 10 + "ret"
KEY = BODY + keyformat.checksum(BODY)
SECRET = KEY.rpartition("_")[2]


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
    """Collect what the project's own configuration writes, one object a line."""
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

    assert keyformat.parse(KEY).key_id in written
    assert SECRET not in written


@pytest.mark.parametrize("character", ["\n", "\r", "\x1b", "\x85", "\u2028", "\0"])
@pytest.mark.parametrize("formatter", [JSONLines(), Lines()])
def test_what_a_client_sends_begins_no_line_and_moves_no_cursor(log, formatter, character):
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


def test_lines_are_for_people_only_while_debugging():
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

    assert keyformat.parse(KEY).key_id in report
    assert keyformat.parse(KEY).secret not in report


@pytest.mark.django_db
def test_a_refused_key_is_one_line_with_its_reason_and_id(issue, call, lines, owner):
    key, raw = issue()
    key.revoke(by=None, now=key.created_at)

    call(raw, headers={"x-request-id": "from-the-client"})

    (line,) = [line for line in lines() if line["logger"] == "apikeys.refusals"]
    assert (line["reason"], line["key_id"], line["address"]) == ("revoked", key.key_id, "127.0.0.1")
    assert line["request_id"] == "from-the-client"
    assert keyformat.parse(raw).secret not in str(lines())


@pytest.mark.django_db
def test_a_forged_key_is_one_line_with_the_id_that_it_names(issue, call, lines):
    call(KEY)
    call("forged")

    refused = [(line["reason"], line["key_id"]) for line in lines() if line["logger"] == "apikeys.refusals"]
    assert refused == [("invalid", keyformat.parse(KEY).key_id), ("malformed", None)]


@pytest.mark.django_db
def test_a_missing_permission_is_one_line(issue, call, lines):
    key, raw = issue(permissions=1)

    call(raw, "DELETE", "/v1/chatbots/5cf9ad3e-1b36-4d42-8dc2-4f0b0b8f9dd5")

    (line,) = [line for line in lines() if line["logger"] == "apikeys.refusals"]
    assert (line["reason"], line["key_id"]) == ("permission", key.key_id)


def test_a_client_may_name_its_request():
    assert Client().get("/healthz", headers={"x-request-id": "a.b-c9"})["X-Request-ID"] == "a.b-c9"


@pytest.mark.parametrize("given", [None, "", "a b", "a\nb", "x" * 129, KEY, "é", "<b>"])
def test_any_other_name_gives_way_to_a_new_one(given):
    headers = {} if given is None else {"x-request-id": given}
    first, second = (Client().get("/healthz", headers=headers)["X-Request-ID"] for _ in range(2))

    assert first != second
    assert len(first) == 32


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/v1/chatbots", "/v1/nowhere", "/nowhere", "/accounts/login/"])
def test_every_answer_names_its_request(path):
    assert len(Client().get(path)["X-Request-ID"]) == 32
