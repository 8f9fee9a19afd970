"""Objects for each operation of the OpenAPI document."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.urls import get_resolver
from django.utils import timezone

from apikeys.models import Permission
from testing import contract


@pytest.fixture
def scene(owner, issue):
    """A chatbot with an FAQ entry, a target key, and the keys of possible callers."""
    chatbot = owner.chatbots.create(name="Support")
    entry = chatbot.learn("Why?", "Because.")
    key, _raw = issue(Permission.READ, name="Worked on")
    now = timezone.now()
    restricted = {"allowed_networks": "127.0.0.0/8", "expires_at": now + timedelta(days=30)}
    ids = {"chatbot_id": chatbot.pk, "faq_id": entry.pk, "key_id": key.key_id}
    return SimpleNamespace(chatbot=chatbot, key=key, ids=ids, issue=issue, now=now, restricted=restricted)


@pytest.fixture
def ask(call, scene):
    """Return a function that sends an operation's example, or another ``body``."""

    def ask(operation_id, raw, *, body=None, query="", missing=False, **headers):
        path, method = places()[operation_id]
        ids = dict.fromkeys(scene.ids, uuid.uuid4()) | {"key_id": "0" * 12} if missing else scene.ids
        path = re.sub(r"\{(\w+)\}", lambda name: str(ids[name[1]]), path)
        body = example_of(operation_id) if body is None else body
        return call(raw, method, path + query, body, **headers)

    return ask


def places():
    """Return the path and the method of each operation, by its id."""
    return {one["operationId"]: place for place, one in contract.operations().items()}


def example_of(operation_id):
    """Return the body of an operation's example request, if it has one."""
    operation = contract.operations()[places()[operation_id]]
    if "requestBody" not in operation:
        return None
    return operation["requestBody"]["content"]["application/json"]["examples"]["Example"]["value"]


def views():
    """Return the view of every path under /v1/."""
    found = {}
    for included in get_resolver().url_patterns:
        if str(included.pattern) != "v1/" or not hasattr(included, "url_patterns"):
            continue
        for route in included.url_patterns:
            path = "/v1/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(route.pattern))
            view = getattr(route.callback, "view_class", None)
            if view is not None and not path.endswith("/"):
                found[path] = view
    return found
