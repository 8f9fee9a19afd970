"""Messages to a chatbot, its answers, and the list of both."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from chatbots import replies
from chatbots.matching import prepare
from chatbots.models import FAQEntry

FIELDS = {"id", "chatbot", "message", "answer", "created_at"}


@pytest.fixture
def send(call, write_key, url):
    return lambda message: call(write_key, "POST", f"{url}/messages", {"message": message})


def test_message_is_answered_from_the_faq_and_stored(send, call, read_key, chatbot, url):
    response = send("how do i reset my pasword?")

    assert response.status_code == 201
    query = response.json()
    assert set(query) == FIELDS
    assert query["chatbot"] == str(chatbot.pk)
    assert query["message"] == "how do i reset my pasword?"
    assert query["answer"] == "Choose “Forgot password?”."
    assert call(read_key, path=f"{url}/queries").json()["results"] == [query]


def test_message_about_anything_else_gets_the_fallback_message(send):
    assert send("What is the weather").json()["answer"] == "No idea."


def test_a_new_faq_entry_answers_at_once_and_a_deleted_one_stops(send, chatbot):
    entry = chatbot.learn("When do you open?", "At nine.")
    assert send("When do you open?").json()["answer"] == "At nine."

    entry.delete()

    assert send("When do you open?").json()["answer"] == "No idea."


def test_the_newest_of_two_entries_with_the_same_question_answers(send, chatbot):
    chatbot.learn("When do you open?", "At nine.")
    chatbot.learn("When do you open?", "At ten.")

    assert send("when do you open").json()["answer"] == "At ten."


def test_other_chatbots_entries_are_not_used(send, owner):
    other = owner.chatbots.create(name="Other")
    other.learn("When do you open?", "At nine.")
    other.learn("How can I reset my password?", "Ask another.")

    assert send("When do you open?").json()["answer"] == "No idea."
    assert send("How can I reset my password?").json()["answer"] == "Choose “Forgot password?”."


def test_inactive_chatbot_refuses_messages_and_stores_none(send, chatbot):
    chatbot.change(now=timezone.now(), is_active=False)

    response = send("Hello?")

    assert response.status_code == 409
    assert response.json() == {"error": {"code": "CHATBOT_INACTIVE", "message": "The chatbot is inactive"}}
    assert not chatbot.queries.exists()


@pytest.mark.parametrize("length", [1, 4000])
def test_message_of_allowed_length_is_stored_whole(send, length):
    assert send("ä" * length).json()["message"] == "ä" * length


@pytest.mark.parametrize("message", ["", "   ", "\n", "x" * 4001])
def test_message_of_another_length_is_refused(send, chatbot, message):
    response = send(message)

    assert response.status_code == 400
    assert list(response.json()["error"]["fields"]) == ["message"]
    assert not chatbot.queries.exists()


def test_queries_are_pages_with_the_newest_first(call, read_key, chatbot, url):
    for age in (2, 0, 1):
        moment = timezone.now() - timedelta(days=age)
        chatbot.queries.create(message=f"{age} days old", answer="No idea.", created_at=moment)

    page = call(read_key, path=f"{url}/queries?page_size=2").json()
    rest = call(read_key, path=page["next"]).json()

    messages = [query["message"] for query in page["results"] + rest["results"]]
    assert messages == ["0 days old", "1 days old", "2 days old"]


def test_an_entry_that_a_bulk_insert_left_unprepared_answers_and_is_prepared_once(send, chatbot, statements):
    made = FAQEntry(chatbot=chatbot, question="When do you open?", answer="At nine.")
    FAQEntry.objects.bulk_create([made])
    assert FAQEntry.objects.get(pk=made.pk).prepared == ""

    assert send("when do you open").json()["answer"] == "At nine."

    assert FAQEntry.objects.get(pk=made.pk).prepared == prepare("When do you open?")
    with statements() as second:
        assert send("when do you open").json()["answer"] == "At nine."
    assert len(second) == 4  # chatbot, questions, one answer, insert


def test_one_message_prepares_few_entries(send, chatbot, monkeypatch):
    FAQEntry.objects.bulk_create(FAQEntry(chatbot=chatbot, question=f"Q{n}?", answer="A") for n in range(25))
    prepared = []
    monkeypatch.setattr(replies, "prepare", lambda question: prepared.append(question) or prepare(question))

    send("Hello?")

    assert len(prepared) == replies.PREPARED_LATE


def test_an_edited_question_is_the_one_that_answers(send, chatbot):
    entry = chatbot.faqs.get()
    entry.question = "When do you open?"
    entry.save(update_fields=["question"])

    assert send("when do you open").json()["answer"] == entry.answer
    assert send("How can I reset my password?").json()["answer"] == "No idea."


def test_questions_from_before_the_upgrade_are_prepared_by_it(chatbot):
    chatbot.faqs.update(prepared="")

    import_module("chatbots.migrations.0003_prepare_faqentries").prepare_questions(
        apps, connection.schema_editor()
    )

    assert chatbot.faqs.get().prepared == prepare("How can I reset my password?")


def test_the_setting_names_another_replier(send, settings):
    settings.CHATBOT_REPLIER = "chatbots.tests.test_messages.Parrot"

    assert send("Hello?").json()["answer"] == "Support says: Hello?"


class Parrot:
    def reply(self, chatbot, message):
        return f"{chatbot.name} says: {message}"
