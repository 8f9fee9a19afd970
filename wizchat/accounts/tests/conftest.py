"""An account whose password is hashed quickly, and someone who isn't signed in."""

from __future__ import annotations

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.test import Client

PASSWORD = "correct horse battery staple"


class QuickArgon2(Argon2PasswordHasher):
    time_cost, memory_cost, parallelism = 1, 8, 1


@pytest.fixture(autouse=True)
def _quick_passwords(settings):
    settings.PASSWORD_HASHERS = [f"{__name__}.QuickArgon2"]


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
