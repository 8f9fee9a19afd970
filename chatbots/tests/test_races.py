"""If a chatbot is deleted while a request works on it, the response is 404 and nothing crashes."""

from __future__ import annotations

import pytest
from django.db import IntegrityError

from chatbots.models import Chatbot
from wizchat.statements import Statement

pytestmark = pytest.mark.django_db(transaction=True)

NOT_FOUND = {"error": {"code": "NOT_FOUND", "message": "Not found"}}


class BreakingReplier:
    """Violates a constraint that has nothing to do with the chatbot."""

    def reply(self, chatbot, message):
        raise IntegrityError


class DeletingReplier:
    """Finds its answer while the owner deletes the chatbot elsewhere."""

    def reply(self, chatbot, message):
        Chatbot.objects.filter(pk=chatbot.pk).delete()
        return "Too late."


def test_message_to_a_chatbot_that_is_deleted_at_that_moment(call, write_key, url, settings):
    settings.CHATBOT_REPLIER = "chatbots.tests.test_races.DeletingReplier"

    response = call(write_key, "POST", f"{url}/messages", {"message": "Hello?"})

    assert (response.status_code, response.json()) == (404, NOT_FOUND)


def test_a_violation_of_another_constraint_is_a_server_error(call, write_key, url, settings):
    settings.CHATBOT_REPLIER = "chatbots.tests.test_races.BreakingReplier"

    assert call(write_key, "POST", f"{url}/messages", {"message": "Hello?"}).status_code == 500


def test_new_chatbot_of_an_owner_who_is_deleted_at_that_moment(call, admin_key, owner, monkeypatch):
    save = Chatbot.save

    def delete_owner_then_save(chatbot, **options):
        owner.delete()
        save(chatbot, **options)

    monkeypatch.setattr(Chatbot, "save", delete_owner_then_save)

    response = call(admin_key, "POST", body={"name": "Sales"})

    assert response.status_code == 401
    assert response.json() == {"error": {"code": "UNAUTHORIZED", "message": "Invalid API key"}}
    assert not Chatbot.objects.exists()


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"name": "Sales"}), ("DELETE", None)])
def test_change_of_a_chatbot_that_is_deleted_at_that_moment(call, admin_key, url, monkeypatch, method, body):
    """Deletes the chatbot right after the view has found it."""
    get, found = Statement.get, []

    def get_then_delete(statement, **values):
        result = get(statement, **values)
        if isinstance(result, Chatbot) and not found:
            found.append(result)
            Chatbot.objects.filter(pk=result.pk).delete()
        return result

    monkeypatch.setattr(Statement, "get", get_then_delete)

    response = call(admin_key, method, url, body)

    assert found
    assert (response.status_code, response.json()) == (404, NOT_FOUND)
