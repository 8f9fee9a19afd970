"""One owner's chatbot and keys, and a stranger's."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from django.db import connection

from apikeys.models import Permission
from testing.driver import round_trips


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
    """Count the statements on chatbots, queries and FAQ entries, but not those of authentication."""

    @contextmanager
    def statements():
        made = []
        with unprepared(), round_trips(connection) as seen:
            yield made
        made += [statement for statement in seen if "chatbots_" in statement]

    return statements


@contextmanager
def unprepared():
    """Send PostgreSQL the text of each statement instead of the name of a prepared one."""
    connection.ensure_connection()
    if connection.vendor != "postgresql":
        yield
        return
    driver = connection.connection
    before, driver.prepare_threshold = driver.prepare_threshold, None
    yield
    driver.prepare_threshold = before
