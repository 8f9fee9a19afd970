"""FAQ entries in the API."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from chatbots.models import Chatbot, FAQsFull

ENTRY = {"question": "When do you open?", "answer": "At nine."}


@pytest.fixture
def faqs(url):
    return f"{url}/faqs"


def test_list_is_a_page_with_the_newest_first(call, read_key, chatbot, faqs):
    chatbot.learn(**ENTRY)

    page = call(read_key, path=faqs).json()

    assert set(page) == {"next", "previous", "results"}
    assert [set(entry) for entry in page["results"]] == [{"id", "question", "answer"}] * 2
    assert [entry["question"] for entry in page["results"]] == [
        "When do you open?",
        "How can I reset my password?",
    ]


def test_created_entry_is_in_the_list(call, write_key, read_key, faqs):
    response = call(write_key, "POST", faqs, ENTRY)

    assert response.status_code == 201
    assert response.json() == ENTRY | {"id": response.json()["id"]}
    assert call(read_key, path=faqs).json()["results"][0] == response.json()


def test_deleted_entry_is_gone(call, admin_key, chatbot, faqs):
    path = f"{faqs}/{chatbot.faqs.get().pk}"

    response = call(admin_key, "DELETE", path)

    assert (response.status_code, response.content) == (204, b"")
    assert not chatbot.faqs.exists()
    assert call(admin_key, "DELETE", path).status_code == 404


def test_entry_is_not_deleted_through_another_chatbot(call, admin_key, owner, chatbot):
    other = owner.chatbots.create(name="Other")

    response = call(admin_key, "DELETE", f"/v1/chatbots/{other.pk}/faqs/{chatbot.faqs.get().pk}")

    assert response.status_code == 404
    assert chatbot.faqs.exists()


def test_a_full_chatbot_accepts_no_more_entries(call, write_key, chatbot, faqs, monkeypatch):
    monkeypatch.setattr(Chatbot, "MAX_FAQS", 2)
    assert call(write_key, "POST", faqs, ENTRY).status_code == 201

    response = call(write_key, "POST", faqs, ENTRY)

    assert response.status_code == 400
    assert response.json()["error"]["fields"] == {"body": ["A chatbot has at most 2 FAQ entries."]}
    assert chatbot.faqs.count() == 2


@pytest.mark.django_db(transaction=True)
def test_entries_at_once_do_not_exceed_the_limit(owner, monkeypatch):
    monkeypatch.setattr(Chatbot, "MAX_FAQS", 3)
    chatbot = owner.chatbots.create(name="Busy")
    together = Barrier(8)

    def learn(_):
        connection.ensure_connection()
        together.wait(timeout=30)
        try:
            return bool(chatbot.learn("Why?", "Because."))
        except FAQsFull:
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        learned = list(threads.map(learn, range(8)))

    assert (learned.count(True), chatbot.faqs.count()) == (3, 3)
