"""The data for requests: an owner's chatbots, queries and FAQ entries, and a key for each project."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone
from rest_framework.authtoken.models import Token

from apikeys.core import keyformat
from apikeys.models import APIKey, Permission
from bench.peers.models import HashedKey
from chatbots.models import Chatbot, FAQEntry, Query

ROWS = 60  # more than a page of 50, so that lists are paginated
FAQS = 100
SUBJECTS = ["account", "invoice", "delivery", "password", "refund", "discount", "warranty", "newsletter"]
QUESTIONS = [
    "How do I change my {}?",
    "Where can I find my {}?",
    "Why was my {} refused?",
    "Can I cancel a {}?",
]
DETAILS = ["this year", "from abroad", "by telephone", "as a business"]
TEXT = "Answers what customers ask about orders, deliveries and accounts, around the clock. "


def fill() -> dict[str, object]:
    """Create the data; return the ids of two chatbots, and Authorization headers for each project."""
    with connection.schema_editor() as editor:
        editor.create_model(HashedKey)
    owner = User.objects.create_user("requests")
    now = timezone.now()
    chatbots = Chatbot.objects.bulk_create(
        Chatbot(
            owner=owner,
            name=f"Support {number}",
            description=TEXT * 3,
            welcome_message="Hello! What can I do for you?",
            created_at=now - timedelta(minutes=number),
        )
        for number in range(ROWS)
    )
    listed, asked = chatbots[:2]
    Query.objects.bulk_create(
        Query(
            chatbot=listed,
            message=f"How do I change order {number}?",
            answer=TEXT,
            created_at=now - timedelta(minutes=number),
        )
        for number in range(ROWS)
    )
    for question in questions()[:FAQS]:
        FAQEntry.objects.create(chatbot=asked, question=question, answer=TEXT)
    return {"listed": str(listed.pk), "asked": str(asked.pk), "headers": headers(owner)}


def questions() -> list[str]:
    return [
        f"{question.format(subject)[:-1]} {detail}?"
        for detail in DETAILS
        for subject in SUBJECTS
        for question in QUESTIONS
    ]


def headers(owner: User) -> dict[str, list[str]]:
    """Return the right and a wrong Authorization header for each project."""
    key, raw = APIKey.objects.issue(
        owner=owner,
        by=owner,
        name="Measured",
        permissions=Permission.READ | Permission.WRITE,
        now=timezone.now(),
    )
    hashed = secrets.token_urlsafe(32)
    HashedKey.objects.create(owner=owner, digest=HashedKey.digest_of(hashed))
    token = Token.objects.create(user=owner).key
    return {
        "wizchat": [f"Bearer {raw}", f"Bearer {forged(key.key_id)}"],
        "drf": [f"Token {token}", f"Token {'0' * 40}"],
        "ninja": [f"Bearer {hashed}", f"Bearer {'0' * 43}"],
    }


def forged(key_id: str) -> str:
    """Return a well-formed key with a valid checksum that was never issued."""
    body = f"wzc_{key_id}_{'A' * keyformat.SECRET_LENGTH}"
    return body + keyformat.checksum(body)
