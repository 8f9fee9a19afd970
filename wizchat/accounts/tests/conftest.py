"""An account whose password is hashed quickly, and someone who isn't signed in."""

from __future__ import annotations

import pytest
from django.test import Client

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def _quick_passwords(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def olga(django_user_model):
    return django_user_model.objects.create_user("olga", "olga@example.com", PASSWORD)


@pytest.fixture
def nobody(db):
    return Client()


@pytest.fixture
def signed_in(olga):
    """The browser of ``olga``, who has just signed in with her password."""
    client = Client()
    client.post("/accounts/login/", {"login": "olga", "password": PASSWORD})
    return client
