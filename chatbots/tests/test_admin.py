"""Operators can view and edit chatbots, but not edit queries."""

from __future__ import annotations

import pytest

from chatbots.models import Chatbot, FAQEntry


@pytest.fixture
def query(chatbot):
    return chatbot.ask("Where is my parcel?")


@pytest.mark.parametrize("model", ["chatbot", "faqentry", "query"])
@pytest.mark.parametrize("search", ["olga", "Support"])
def test_lists_are_searched_by_owner_and_chatbot(admin_client, query, model, search):
    response = admin_client.get(f"/admin/chatbots/{model}/", {"q": search}, secure=True)

    assert response.status_code == 200
    assert response.context["cl"].result_count == 1
    nothing = admin_client.get(f"/admin/chatbots/{model}/", {"q": "nothing like it"}, secure=True)
    assert nothing.context["cl"].result_count == 0


@pytest.mark.parametrize("model", ["chatbot", "faqentry", "query"])
def test_lists_take_the_same_statements_for_one_row_and_many(admin_client, query, statements, owner, model):
    def count():
        with statements() as made:
            admin_client.get(f"/admin/chatbots/{model}/", secure=True)
        return len(made)

    few = count()
    for number in range(5):
        other = owner.chatbots.create(name=f"{number}")
        other.learn("Why?", "Because.")
        other.ask("Why?")

    assert count() == few


def test_chatbot_and_faq_entry_can_be_edited(admin_client, chatbot, owner):
    form = {
        "owner": owner.pk,
        "name": "Corrected",
        "description": "",
        "welcome_message": "",
        "fallback_message": "No.",
    }
    entry = {"chatbot": str(chatbot.pk), "question": "Why?", "answer": "Because."}

    admin_client.post(f"/admin/chatbots/chatbot/{chatbot.pk}/change/", form, secure=True)
    admin_client.post("/admin/chatbots/faqentry/add/", entry, secure=True)

    changed = Chatbot.objects.get()
    assert (changed.name, changed.is_active) == ("Corrected", False)
    assert FAQEntry.objects.filter(chatbot=chatbot, question="Why?").exists()


def test_queries_can_be_viewed_but_not_edited(admin_client, query):
    path = f"/admin/chatbots/query/{query.pk}/change/"

    assert "Where is my parcel?" in admin_client.get(path, secure=True).content.decode()
    assert admin_client.post(path, {"message": "Forged"}, secure=True).status_code == 403
    assert admin_client.get("/admin/chatbots/query/add/", secure=True).status_code == 403
    query.refresh_from_db()
    assert query.message == "Where is my parcel?"


def test_operator_deletes_a_chatbot_with_its_queries(admin_client, chatbot, query):
    path = f"/admin/chatbots/chatbot/{chatbot.pk}/delete/"

    assert admin_client.post(path, {"post": "yes"}, secure=True).status_code == 302
    assert not Chatbot.objects.exists()


@pytest.mark.parametrize("model", ["chatbot", "faqentry", "query"])
def test_an_owner_who_is_not_an_operator_has_no_access(client, owner, model):
    client.force_login(owner)

    assert client.get(f"/admin/chatbots/{model}/", secure=True).status_code in {302, 403}
