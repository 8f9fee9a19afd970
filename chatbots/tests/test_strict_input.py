"""Bodies are taken to the letter: what is not as documented is refused, never converted."""

from __future__ import annotations

import uuid

import pytest

NOT_TEXT = [1, 0, 1.5, True, False, None, [], ["a"], {}, {"a": 1}]
NOT_TRUTH = ["true", "false", "", "yes", 1, 0, None, [], {}]
BAD_TEXT = ["\ud800", "a\udfffb", "\x00", "a\x00b"]


@pytest.fixture
def refused(call, issue, url):
    """Assert that a body is refused for one field, and that nothing was changed by it."""
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
def test_half_characters_and_nul_are_not_text(refused, method, path, others, field, limit, value):
    refused(method, path, others | {field: value}, field)


@pytest.mark.parametrize(("method", "path", "others", "field", "limit"), TEXTS)
def test_text_has_a_longest_length(call, issue, url, refused, method, path, others, field, limit):
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
        ("{}/messages", {"Message": "Hello?"}, "message"),
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
def test_body_that_is_no_object_is_refused(call, issue, url, method, path, body):
    _, raw = issue()

    response = call(raw, method, path.format(url), body)

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "VALIDATION_ERROR"


def test_unknown_and_read_only_fields_are_never_applied(call, issue, owner, stranger, chatbot, url):
    _, raw = issue()
    other = owner.chatbots.create(name="Other")
    extra = {
        "id": str(uuid.uuid4()),
        "pk": str(uuid.uuid4()),
        "owner": stranger.pk,
        "owner_id": stranger.pk,
        "chatbot": str(other.pk),
        "chatbot_id": str(other.pk),
        "created_at": "2001-01-01T00:00:00Z",
        "updated_at": "2001-01-01T00:00:00Z",
        "secret": {"deep": [1]},
    }
    before = call(raw, path=url).json()

    assert call(raw, "PATCH", url, extra).json() == before
    made = [
        call(raw, "POST", "/v1/chatbots", extra | {"name": "New"}),
        call(raw, "POST", f"{url}/messages", extra | {"message": "Hello?", "answer": "Forged"}),
        call(raw, "POST", f"{url}/faqs", extra | {"question": "Why?", "answer": "Because."}),
    ]

    for response in made:
        assert response.status_code == 201
        assert "2001" not in response.content.decode()
        assert response.json()["id"] not in extra.values()
    assert made[1].json()["answer"] == "No idea."
    assert not stranger.chatbots.exists()
    assert (other.queries.count(), other.faqs.count()) == (0, 0)
    assert (chatbot.queries.count(), chatbot.faqs.count()) == (1, 2)


def test_white_space_around_text_is_left_out(call, write_key, url):
    assert call(write_key, "PATCH", url, {"name": "  Sales\n"}).json()["name"] == "Sales"


def test_markup_and_other_scripts_are_text_like_any(call, write_key, url):
    text = "<script>alert(1)</script> & “Größe” \u202e日本語 {{ 7*7 }} %s"

    assert call(write_key, "PATCH", url, {"description": text}).json()["description"] == text
