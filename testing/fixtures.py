"""Fixtures for everything that needs a key; loaded by the root conftest."""

from __future__ import annotations

import json
from secrets import token_bytes

import pytest
from django.core.cache import caches
from django.test import Client
from django.utils import timezone

from apikeys.auth import rate_limit, shared_cache
from apikeys.core.hashing import KeyHasher
from apikeys.models import APIKey, Permission
from testing import contract

EVERYTHING = Permission.READ | Permission.WRITE | Permission.ADMIN


class CountingHasher(KeyHasher):
    """Real Argon2id at the lowest cost, which counts its computations."""

    def __init__(self, **cost):
        super().__init__(**{"memory_cost": 8, "time_cost": 1, "parallelism": 1} | cost)
        self.verifications = 0

    def _run_argon2(self, key_hash, raw):
        self.verifications += 1
        return super()._run_argon2(key_hash, raw)

    def forget(self):
        """Act like a new process that shares no verified keys with others."""
        self._cache_key = token_bytes(32)
        self.verifications = 0


@pytest.fixture(autouse=True)
def hasher(monkeypatch):
    hasher = CountingHasher()
    monkeypatch.setattr("apikeys.hasher.HASHER", hasher)
    return hasher


@pytest.fixture(autouse=True)
def _empty_caches():
    shared_cache._breaker.close()
    rate_limit._windows.clear()
    # Also those that aren't initialized: none is after a test that changed the settings of caches.
    for cache in caches.all():
        cache.clear()


@pytest.fixture
def owner(db, django_user_model):
    return django_user_model.objects.create_user("olga", "olga@example.com")


@pytest.fixture
def stranger(db, django_user_model):
    return django_user_model.objects.create_user("stan", "stan@example.com")


@pytest.fixture
def issue(owner):
    """Create a key and return it with its plaintext; all permissions by default."""

    def make(permissions=EVERYTHING, **values):
        values = {"owner": owner, "by": owner, "name": "Production API", "now": timezone.now()} | values
        return APIKey.objects.issue(permissions=permissions, **values)

    return make


@pytest.fixture
def call():
    """Send a request with a key, as an API client does. The OpenAPI document must describe the response."""
    client = Client(raise_request_exception=False)

    def send(raw=None, method="GET", path="/v1/chatbots", body=None, **headers):
        if raw is not None:
            headers.setdefault("HTTP_AUTHORIZATION", f"Bearer {raw}")
        headers.setdefault("HTTP_X_REQUEST_ID", "test")  # a random one would make equal responses differ
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        content_type = headers.pop("content_type", "application/json")
        headers = {"secure": True} | headers
        response = client.generic(method, path, data, content_type, **headers)
        text = response.content.decode() if response.content else ""
        contract.assert_described(method, path, response.status_code, response.headers, text)
        return response

    return send


def error(status, code, message, **more):
    """Return what ``outcome`` returns for a documented error."""
    return status, {"error": {"code": code, "message": message, **more}}


def outcome(response):
    return response.status_code, response.json()
