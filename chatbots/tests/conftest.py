"""One owner's chatbot and keys, and a stranger's."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apikeys.models import Permission


@pytest.fixture
def read_key(issue):
    return issue(Permission.READ)[1]


@pytest.fixture
def write_key(issue):
    return issue(Permission.WRITE)[1]


@pytest.fixture
def admin_key(issue):
    return issue(Permission.ADMIN)[1]


@pytest.fixture
def stranger_key(issue, stranger):
    return issue(owner=stranger, by=stranger)[1]


@pytest.fixture
def chatbot(owner):
    chatbot = owner.chatbots.create(name="Support", fallback_message="No idea.")
    chatbot.learn("How can I reset my password?", "Choose “Forgot password?”.")
    return chatbot


@pytest.fixture
def url(chatbot):
    return f"/v1/chatbots/{chatbot.pk}"


@pytest.fixture
def statements():
    """Count the statements on chatbots and what belongs to them; not those that authenticate the key."""

    class Statements(CaptureQueriesContext):
        @property
        def count(self):
            return sum("chatbots_" in query["sql"] for query in self.captured_queries)

    return lambda: Statements(connection)
