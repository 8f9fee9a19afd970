"""Statements that are compiled once return what the ORM returns."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from uuid import uuid4

import orjson
import pytest
from django.db import connection

from apikeys.auth import credentials
from apikeys.models import APIKey
from chatbots import replies, views
from chatbots.models import Chatbot, FAQEntry
from testing.driver import round_trips
from wizchat.api.listing import Listing
from wizchat.api.pagination import Cursor
from wizchat.api.responses import OPTIONS
from wizchat.api.views import listing_of
from wizchat.statements import CHECKED_AGAINST, Parameter, Statement

pytestmark = pytest.mark.django_db

# The ORM puts parentheses around an expression, but not around a value.
IN_PARENTHESES = re.compile(r"\((\$\d+|'[^']*'|\d+)\)")
NOW = datetime(2026, 11, 24, 12, 0, 0, 5, tzinfo=UTC)


def test_the_installed_django_is_the_version_whose_compiler_was_checked():
    assert version("Django") == CHECKED_AGAINST, (
        "read what docs/decisions/0052-whole-requests.md names again in this release, then state it here"
    )


def sent(run):
    """Return the only statement sent to the database, without the ORM's parentheses around parameters."""
    driver = getattr(connection.connection, "prepare_threshold", None)
    if driver is not None:
        connection.connection.prepare_threshold = None
    with round_trips(connection) as seen:
        run()
    if driver is not None:
        connection.connection.prepare_threshold = driver
    (statement,) = seen
    return re.sub(r"^\d+\t", "", IN_PARENTHESES.sub(r"\1", statement), flags=re.MULTILINE)


def lookup(owner, chatbot):
    columns = (*credentials.Credential._fields[:-1], "owner__is_active")
    return (
        lambda: credentials.lookup("0" * 12),
        lambda: list(APIKey.objects.order_by().filter(key_id="0" * 12).values_list(*columns)),
    )


def the_chatbot(owner, chatbot):
    return (
        lambda: views.THE_CHATBOT.get(owner_id=owner.pk, chatbot_id=chatbot.pk),
        lambda: list(Chatbot.objects.filter(owner=owner).filter(pk=chatbot.pk)),
    )


def questions(owner, chatbot):
    newest = chatbot.faqs.order_by("-created_at", "-id")[: Chatbot.MAX_FAQS]
    return (
        lambda: replies._prepared_questions.rows(chatbot=chatbot.pk),
        lambda: list(newest.values_list("pk", "prepared")),
    )


def answer(owner, chatbot):
    entry = uuid4()
    return (
        lambda: replies._answer.rows(chatbot=chatbot.pk, entry=entry),
        lambda: list(FAQEntry.objects.filter(chatbot=chatbot, pk=entry).values_list("answer")),
    )


def page(older):
    def page(owner, chatbot):
        listing = listing_of(views.ChatbotList)
        cursor = None if older is None else Cursor(older, NOW, chatbot.pk.hex)
        rows = Chatbot.objects.filter(owner=owner).order_by("-created_at", "-id")
        if cursor:
            rows = Cursor(older, NOW, chatbot.pk).within(rows, "id")
        return (
            lambda: listing.fetch(cursor, 51, owner_id=owner.pk),
            lambda: list(rows.values_list(*listing.shape.columns)[:51]),
        )

    return page


@pytest.mark.parametrize(
    "statement",
    [lookup, the_chatbot, questions, answer, page(None), page(True), page(False)],
    ids=["lookup", "chatbot", "questions", "answer", "first page", "next page", "previous page"],
)
def test_a_compiled_statement_equals_the_orms(owner, statement):
    chatbot = owner.chatbots.create(name="Support")
    ours, orms = statement(owner, chatbot)

    assert sent(ours) == sent(orms)


def test_rows_equal_the_orms(owner):
    columns = ["id", "owner", "name", "is_active", "created_at", "updated_at"]
    for number in range(3):
        owner.chatbots.create(name="Ünïcödé 🤖", is_active=bool(number), created_at=NOW + timedelta(number))
    queryset = Chatbot.objects.filter(owner=Parameter("owner", Chatbot._meta.get_field("owner")))
    statement = Statement(queryset.order_by("created_at").values_list(*columns))

    rows = statement.rows(owner=owner.pk)

    assert rows == list(owner.chatbots.order_by("created_at").values_list(*columns))
    assert orjson.loads(orjson.dumps(statement.json_rows(owner=owner.pk), option=OPTIONS)) == orjson.loads(
        orjson.dumps(rows, option=OPTIONS)
    )


def test_a_statement_gets_an_object_as_the_orm_does(owner, stranger):
    chatbot = owner.chatbots.create(name="Support")

    found = views.THE_CHATBOT.get(owner_id=owner.pk, chatbot_id=chatbot.pk)

    expected = Chatbot.objects.get(pk=chatbot.pk)
    assert {**vars(found), "_state": None} == {**vars(expected), "_state": None}
    assert (found._state.db, found._state.adding) == (expected._state.db, expected._state.adding)
    with pytest.raises(Chatbot.DoesNotExist):
        views.THE_CHATBOT.get(owner_id=stranger.pk, chatbot_id=chatbot.pk)


def test_each_run_uses_its_own_values_and_current_rows(owner, stranger):
    listing = Listing(Chatbot.objects.filter(owner=views.OWNER), views.ChatbotSerializer)
    owner.chatbots.create(name="Olga's")
    assert len(listing.fetch(None, 10, owner_id=owner.pk)) == 1
    assert listing.fetch(None, 10, owner_id=stranger.pk) == []

    stranger.chatbots.create(name="Stan's")

    assert len(listing.fetch(None, 10, owner_id=stranger.pk)) == 1
