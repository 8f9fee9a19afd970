"""How many statements each endpoint needs after authentication, whatever the amount of data."""

from __future__ import annotations

import pytest
from django.db import connection

from testing.driver import round_trips


@pytest.fixture(params=[1, 60], ids=["little", "much"])
def amount(request, owner, chatbot):
    for number in range(request.param):
        owner.chatbots.create(name=f"{number}")
        chatbot.learn(f"Question {number}?", "Answer")
        chatbot.queries.create(message="Hello?", answer="Hello!")


@pytest.mark.usefixtures("amount")
@pytest.mark.parametrize(
    ("method", "path", "body", "count"),
    [
        ("GET", "/v1/chatbots", None, 1),
        ("POST", "/v1/chatbots", {"name": "Sales"}, 1),
        ("GET", "{}", None, 1),
        ("PATCH", "{}", {"name": "Sales"}, 3),  # read, changed, read again
        ("DELETE", "{}", None, 5),  # read, locked, then three tables
        ("GET", "{}/queries", None, 2),
        ("POST", "{}/messages", {"message": "Question 0"}, 4),  # chatbot, questions, one answer, insert
        ("GET", "{}/faqs", None, 2),
        (
            "POST",
            "{}/faqs",
            {"question": "Why?", "answer": "Because."},
            4,
        ),  # chatbot, locked, counted, insert
    ],
)
def test_statements_of_an_endpoint(call, issue, url, statements, method, path, body, count):
    _, raw = issue()
    call(raw, path="/v1/chatbots")  # so that the cost of a key's first use isn't counted

    with statements() as made:
        response = call(raw, method, path.format(url), body)

    assert response.status_code < 300
    assert len(made) == count, made


def test_statements_of_deleting_an_faq_entry(call, admin_key, chatbot, url, statements):
    path = f"{url}/faqs/{chatbot.faqs.get().pk}"

    with statements() as made:
        call(admin_key, "DELETE", path)

    assert len(made) == 3, made


def test_owner_is_not_loaded(call, read_key, chatbot):
    for _ in range(4):
        call(read_key)  # so that the cost of first uses isn't counted

    with round_trips(connection) as seen:
        call(read_key)

    assert len(seen) == 2, seen  # the key with its owner, the chatbots
