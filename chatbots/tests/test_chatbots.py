"""Chatbots in the API: list, create, read, change, delete."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from chatbots.models import DEFAULT_FALLBACK, Chatbot, FAQEntry, Query

FIELDS = {
    "id",
    "name",
    "description",
    "welcome_message",
    "fallback_message",
    "is_active",
    "created_at",
    "updated_at",
}


def test_list_is_a_page_with_the_newest_first(call, read_key, owner):
    for age in (2, 0, 1):
        owner.chatbots.create(name=f"{age} days old", created_at=timezone.now() - timedelta(days=age))

    response = call(read_key)

    assert response.status_code == 200
    page = response.json()
    assert set(page) == {"next", "previous", "results"}
    assert [chatbot["name"] for chatbot in page["results"]] == ["0 days old", "1 days old", "2 days old"]
    assert set(page["results"][0]) == FIELDS


def test_pages_lead_through_all_chatbots_and_back(call, read_key, owner):
    for number in range(7):
        owner.chatbots.create(name=f"{number}")

    pages, path, previous = [], "/v1/chatbots?page_size=3", None
    while path:
        page = call(read_key, path=path).json()
        pages.append([chatbot["name"] for chatbot in page["results"]])
        path, previous = page["next"], page["previous"]

    assert pages == [["6", "5", "4"], ["3", "2", "1"], ["0"]]
    assert [chatbot["name"] for chatbot in call(read_key, path=previous).json()["results"]] == pages[1]


def test_a_page_can_end_between_chatbots_created_at_the_same_time(call, read_key, owner):
    now = timezone.now()
    Chatbot.objects.bulk_create(Chatbot(owner=owner, name=f"{number}", created_at=now) for number in range(5))

    first = call(read_key, path="/v1/chatbots?page_size=3").json()
    second = call(read_key, path=first["next"]).json()

    names = {chatbot["name"] for chatbot in first["results"] + second["results"]}
    assert names == {"0", "1", "2", "3", "4"}


def test_created_chatbot_belongs_to_the_owner_of_the_key(call, admin_key, owner):
    response = call(admin_key, "POST", body={"name": "Sales", "description": "Sells", "is_active": False})

    assert response.status_code == 201
    made = response.json()
    assert set(made) == FIELDS
    assert made["name"], made["description"] == ("Sales", "Sells")
    assert made["is_active"] is False
    assert made["welcome_message"] == ""
    assert made["fallback_message"] == DEFAULT_FALLBACK
    assert str(owner.chatbots.get().pk) == made["id"]


def test_detail_returns_the_same_as_the_list(call, read_key, url):
    response = call(read_key, path=url)

    assert response.status_code == 200
    assert response.json() == call(read_key).json()["results"][0]


def test_times_are_utc_in_iso_8601(call, read_key, chatbot, url):
    Chatbot.objects.update(created_at=datetime(2026, 1, 2, 3, 4, 5, 6, UTC))

    assert call(read_key, path=url).json()["created_at"] == "2026-01-02T03:04:05.000006Z"


def test_patch_changes_only_the_given_fields(call, write_key, read_key, url):
    before = call(read_key, path=url).json()

    response = call(write_key, "PATCH", url, {"welcome_message": "Hello!"})

    assert response.status_code == 200
    after = response.json()
    assert after == call(read_key, path=url).json()
    assert after.pop("updated_at") > before.pop("updated_at")
    assert after == before | {"welcome_message": "Hello!"}


def test_an_empty_patch_changes_nothing(call, write_key, read_key, url):
    before = call(read_key, path=url).json()

    assert call(write_key, "PATCH", url, {}).json() == before
    assert call(read_key, path=url).json() == before


def test_two_patches_at_once_do_not_undo_each_other(chatbot):
    one, other = Chatbot.objects.get(), Chatbot.objects.get()

    one.change(now=timezone.now(), name="New name")
    other.change(now=timezone.now(), is_active=False)

    chatbot.refresh_from_db()
    assert (chatbot.name, chatbot.is_active) == ("New name", False)


def test_a_chatbot_does_not_support_put(call, issue, url):
    response = call(issue()[1], "PUT", url, {"name": "Sales"})

    assert response.status_code == 405
    assert "PUT" not in response.headers.get("Allow", "")


def test_delete_removes_queries_and_faqs_and_leaves_other_chatbots(call, admin_key, owner, chatbot, url):
    chatbot.ask("Hello?")
    owner.chatbots.create(name="Other").ask("Hello?")

    response = call(admin_key, "DELETE", url)

    assert (response.status_code, response.content) == (204, b"")
    assert [chatbot.name for chatbot in Chatbot.objects.all()] == ["Other"]
    assert (Query.objects.count(), FAQEntry.objects.count()) == (1, 0)
    assert call(admin_key, "DELETE", url).status_code == 404


@pytest.mark.parametrize("path", ["/v1/chatbots/", "/v1/chatbots/{}/", "/v1/chatbots/{}/queries/"])
def test_trailing_slash_is_served_and_never_redirected(call, read_key, chatbot, path):
    with_slash = path.format(chatbot.pk)

    response = call(read_key, path=with_slash)

    assert response.status_code == 200
    assert response.json() == call(read_key, path=with_slash.rstrip("/")).json()


@pytest.mark.parametrize(
    "path",
    [
        "/v1/chatbots/1",
        "/v1/chatbots/none",
        "/v1/chatbots/00000000-0000-4000-8000-00000000000١",  # ARABIC-INDIC DIGIT ONE
        "/v1/chatbots/00000000-0000-4000-8000-000000000000%0A",
        "/v1/chatbots//",
        "/v1/chatbots%0A",
        "/v1/chatbots/00000000-0000-4000-8000-000000000000/nothing",
    ],
)
def test_an_invalid_id_is_not_found(call, read_key, path):
    response = call(read_key, path=path)

    assert response.status_code == 404
    assert response.json() == {"error": {"code": "NOT_FOUND", "message": "Not found"}}
