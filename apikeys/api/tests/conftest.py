from __future__ import annotations

import pytest
from django.utils import timezone

from apikeys.models import Permission
from testing.fixtures import EVERYTHING


@pytest.fixture
def admin(issue):
    """The plaintext of a key with all permissions, no address list and no expiry."""
    return issue(name="Admin")[1]


@pytest.fixture
def restricted(issue):
    """A key with every permission, for one network and 30 days."""
    now = timezone.now()
    return issue(
        name="Restricted",
        permissions=EVERYTHING,
        allowed_networks="127.0.0.0/8",
        expires_at=now + timezone.timedelta(days=30),
    )


@pytest.fixture
def made(call):
    """Create a key through the API; return its JSON, including the plaintext."""

    def make(raw, **body):
        response = call(raw, "POST", "/v1/keys", {"name": "Made", "permissions": ["read"]} | body)
        assert response.status_code == 201, response.content
        return response.json()

    return make


@pytest.fixture
def stranger_key(issue, stranger):
    return issue(owner=stranger, by=stranger)[1]


def permission(*names):
    return Permission.of(names)
