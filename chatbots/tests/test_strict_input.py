"""Bodies are strict: anything undocumented is refused, never converted."""

from __future__ import annotations

import uuid

import pytest

from chatbots.models import Chatbot
from testing.keys import secret_of

NOT_TEXT = [1, 0, 1.5, True, False, None, [], ["a"], {}, {"a": 1}]
NOT_TRUTH = ["true", "false", "", "yes", 1, 0, None, [], {}]
BAD_TEXT = ["\ud800", "a\udfffb", "\x00", "a\x00b"]


@pytest.fixture
def refused(call, issue, url):
    """Assert that a body is refused because of one field, and that nothing changed."""
    _, raw = issue()

    def send(method, path, body, field):
        path = path.format(url)
        before = call(raw, path=path).content if not path.endswith("messages") else None
        response = call(raw, method, path, body)
        assert response.status_code == 400
        error = response.json()["error"]
        assert error["code"] == "VALIDATION_ERROR"
        assert list(error["fields"]) == [field]
        assert all(isinstance(text, str) for text in error["fields"][field])
        if before is not None:
            assert call(raw, path=path).content == before

    return send


TEXTS = [
    ("POST", "/v1/chatbots", {}, "name", 80),
    ("PATCH", "{}", {}, "name", 80),
    ("PATCH", "{}", {}, "description", 2000),
    ("PATCH", "{}", {}, "welcome_message", 1000),
    ("PATCH", "{}", {}, "fallback_message", 1000),
    ("POST", "{}/messages", {}, "message", 4000),
    ("POST", "{}/faqs", {"answer": "Because."}, "question", 1000),
    ("POST", "{}/faqs", {"question": "Why?"}, "answer", 4000),
]
REQUIRED = [case for case in TEXTS if case[3] not in {"description", "welcome_message"}]


@pytest.mark.parametrize("value", NOT_TEXT, ids=repr)
@pytest.mark.parametrize(("method", "path", "others", "field", "limit"), TEXTS)
def test_text_is_a_string(refused, method, path, others, field, limit, value):
    refused(method, path, others | {field: value}, field)


@pytest.mark.parametrize("value", BAD_TEXT, ids=ascii)
@pytest.mark.parametrize(("method", "path", "others", "field", "limit"), TEXTS)
def test_lone_surrogates_and_nul_are_refused(refused, method, path, others, field, limit, value):
    refused(method, path, others | {field: value}, field)


@pytest.mark.parametrize(("method", "path", "others", "field", "limit"), TEXTS)
def test_text_has_a_maximum_length(call, issue, url, refused, method, path, others, field, limit):
    refused(method, path, others | {field: "😀" * (limit + 1)}, field)

    response = call(issue()[1], method, path.format(url), others | {field: "😀" * limit})
    assert response.json()[field] == "😀" * limit


@pytest.mark.parametrize("value", ["", " ", "\t\n\u00a0\u3000"])
@pytest.mark.parametrize(("method", "path", "others", "field", "limit"), REQUIRED)
def test_required_text_is_not_blank(refused, method, path, others, field, limit, value):
    refused(method, path, others | {field: value}, field)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/chatbots", {}, "name"),
        ("{}/messages", {}, "message"),
        ("{}/faqs", {"answer": "Because."}, "question"),
        ("{}/faqs", {"question": "Why?"}, "answer"),
    ],
)
def test_required_text_is_not_missing(refused, path, body, field):
    refused("POST", path, body, field)


@pytest.mark.parametrize("value", NOT_TRUTH, ids=repr)
def test_is_active_is_true_or_false(refused, value):
    refused("PATCH", "{}", {"is_active": value}, "is_active")
    refused("POST", "/v1/chatbots", {"name": "Sales", "is_active": value}, "is_active")


@pytest.mark.parametrize("body", [[], [{"name": "Sales"}], "name", 1, True])
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/chatbots"), ("PATCH", "{}"), ("POST", "{}/messages"), ("POST", "{}/faqs")],
)
def test_body_that_is_not_an_object_is_refused(call, issue, url, method, path, body):
    _, raw = issue()

    response = call(raw, method, path.format(url), body)

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "VALIDATION_ERROR"


BODIES = [
    ("POST", "/v1/chatbots", {"name": "Sales"}),
    ("PATCH", "{}", {"name": "Sales"}),
    ("POST", "{}/messages", {"message": "Hello?"}),
    ("POST", "{}/faqs", {"question": "Why?", "answer": "Because."}),
]
UNKNOWN = ["nmae", "Name", "owner", "owner_id", "pk", "chatbot_id", "prepared", "secret", "", "name ", "a.b"]


@pytest.mark.parametrize("name", UNKNOWN)
@pytest.mark.parametrize(("method", "path", "body"), BODIES)
def test_an_unknown_field_is_refused_by_name(refused, stranger, method, path, body, name):
    refused(method, path, body | {name: stranger.pk}, name)


@pytest.mark.parametrize(("method", "path", "body"), BODIES)
def test_all_errors_are_reported_at_once(call, issue, url, method, path, body):
    wrong = dict.fromkeys(body, 1) | {"colour": "red", "size": None}

    response = call(issue()[1], method, path.format(url), wrong)

    assert response.status_code == 400
    fields = response.json()["error"]["fields"]
    assert set(fields) == set(wrong)
    assert fields["colour"] == fields["size"] == ["Unknown field."]


@pytest.mark.parametrize(("method", "path", "body"), BODIES)
def test_a_field_that_occurs_twice_is_refused_by_name(call, issue, url, chatbot, method, path, body):
    _, raw = issue()
    first = next(iter(body))
    pairs = [*body.items(), (first, "Again")]
    doubled = "{" + ", ".join(f'"{name}": "{text}"' for name, text in pairs) + "}"

    response = call(raw, method, path.format(url), doubled.encode())

    assert response.status_code == 400
    assert response.json()["error"]["fields"] == {first: ["This field occurs more than once."]}
    assert (Chatbot.objects.get().name, chatbot.queries.count(), chatbot.faqs.count()) == ("Support", 0, 1)


@pytest.mark.parametrize(
    "body",
    [b'{"name": "Sales", "n\\u0061me": "Sales"}', b'{"name": "Sales", "x": [{"name": 1, "name": 2}]}'],
    ids=["escaped", "nested"],
)
def test_a_field_that_occurs_twice_is_found_wherever_it_is(call, issue, body):
    response = call(issue()[1], "POST", body=body)

    assert response.status_code == 400
    assert list(response.json()["error"]["fields"]) == ["name"]


@pytest.mark.parametrize(
    ("written", "shown"),
    [(rb"\ud800", "\\ud800"), (rb"a\u0000b", "a\0b"), (b"x" * 5000, "x" * 100)],
    ids=["half a character", "NUL", "long"],
)
def test_any_name_of_an_unknown_field_can_be_shown_in_the_error(call, issue, written, shown):
    body = b'{"name": "Sales", "%b": 1}' % written
    twice = b'{"%b": 1, "%b": 2}' % (written, written)

    for response in (call(issue()[1], "POST", body=body), call(issue()[1], "POST", body=twice)):
        assert response.status_code == 400
        assert list(response.json()["error"]["fields"]) == [shown]
    assert not Chatbot.objects.exists()


def test_a_body_of_invented_fields_gets_a_short_response(call, issue):
    _, raw = issue()
    unknown = {f"field {number}": number for number in range(5000)}
    doubled = "{" + ", ".join(f'"{name}": 1, "{name}": 2' for name in unknown) + "}"

    for response in (call(raw, "POST", body=unknown), call(raw, "POST", body=doubled.encode())):
        assert response.status_code == 400
        assert len(response.content) < 4096


def test_a_key_as_the_name_of_a_field_is_not_echoed(call, issue):
    _, raw = issue()

    response = call(raw, "POST", body={"name": "Sales", raw: 1})

    assert response.status_code == 400
    assert secret_of(raw) not in response.content.decode()


def test_the_body_of_a_get_can_be_sent_back(call, issue, url):
    _, raw = issue()
    chatbot = call(raw, path=url).json()

    response = call(raw, "PATCH", url, chatbot | {"description": "Answers customers."})

    assert response.status_code == 200
    assert response.json() | {"updated_at": ""} == chatbot | {
        "description": "Answers customers.",
        "updated_at": "",
    }


def test_read_only_fields_are_ignored(call, issue, owner, chatbot, url):
    _, raw = issue()
    other = owner.chatbots.create(name="Other")
    times = {"created_at": "2001-01-01T00:00:00Z", "updated_at": "2001-01-01T00:00:00Z"}
    identity = {"id": str(uuid.uuid4())}
    query = {"chatbot": str(other.pk), "answer": "Forged", "created_at": "2001-01-01T00:00:00Z"}

    answers = [
        call(raw, "PATCH", url, identity | times | {"name": "Sales"}),
        call(raw, "POST", "/v1/chatbots", identity | times | {"name": "New"}),
        call(raw, "POST", f"{url}/messages", identity | query | {"message": "Hello?"}),
        call(raw, "POST", f"{url}/faqs", identity | {"question": "Why?", "answer": "Because."}),
    ]

    assert [response.status_code for response in answers] == [200, 201, 201, 201]
    for response in answers:
        assert "2001" not in response.content.decode()
        assert response.json()["id"] != identity["id"]
    assert answers[2].json()["answer"] == "No idea."
    assert (other.queries.count(), other.faqs.count()) == (0, 0)
    assert (chatbot.queries.count(), chatbot.faqs.count()) == (1, 2)


def test_whitespace_around_text_is_stripped(call, write_key, url):
    assert call(write_key, "PATCH", url, {"name": "  Sales\n"}).json()["name"] == "Sales"


def test_markup_and_other_scripts_are_stored_unchanged(call, write_key, url):
    text = "<script>alert(1)</script> & “Größe” \u202e日本語 {{ 7*7 }} %s"

    assert call(write_key, "PATCH", url, {"description": text}).json()["description"] == text
