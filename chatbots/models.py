"""Chatbots, the FAQ entries they answer from, and the queries they were sent."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from chatbots.replies import reply

DEFAULT_FALLBACK = "Sorry, I have no answer to that yet."


class ChatbotInactive(Exception):
    """A message was sent to a chatbot that is switched off."""


class FAQsFull(Exception):
    """The chatbot has as many FAQ entries as one may have."""


class Chatbot(models.Model):
    """Something that answers questions for its owner's customers."""

    MAX_FAQS = 1000  # what one reply has to read through

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="chatbots", db_index=False
    )
    name = models.CharField(max_length=80)
    description = models.TextField(max_length=2000, blank=True)
    welcome_message = models.TextField(max_length=1000, blank=True)
    fallback_message = models.TextField(max_length=1000, default=DEFAULT_FALLBACK)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [models.Index(fields=["owner", "-created_at", "-id"], name="chatbot_newest")]

    def __str__(self) -> str:
        return self.name

    def change(self, *, now: datetime, **values: Any) -> None:
        """Write just the settings in ``values``, so that two changes at once both hold.

        Raises ``Chatbot.DoesNotExist`` if it was deleted meanwhile.
        """
        if values:
            Chatbot.objects.filter(pk=self.pk).update(**values, updated_at=now)
            self.refresh_from_db()

    def ask(self, message: str) -> Query:
        """Answer ``message`` and keep both. Raises ``ChatbotInactive``."""
        if not self.is_active:
            raise ChatbotInactive
        return self.queries.create(message=message, answer=reply(self, message))

    def learn(self, question: str, answer: str) -> FAQEntry:
        """Add an FAQ entry. Raises ``FAQsFull``; ``Chatbot.DoesNotExist`` if it was deleted meanwhile."""
        with transaction.atomic():
            # Two requests at once count one after the other; messages do not wait for them.
            Chatbot.objects.select_for_update(no_key=True).only("pk").get(pk=self.pk)
            if self.faqs.count() >= self.MAX_FAQS:
                raise FAQsFull
            return self.faqs.create(question=question, answer=answer)


class Query(models.Model):
    """One message to a chatbot, with the answer that it gave."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    chatbot = models.ForeignKey(Chatbot, models.CASCADE, related_name="queries", db_index=False)
    message = models.TextField(max_length=4000)
    answer = models.TextField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "queries"
        indexes = [models.Index(fields=["chatbot", "-created_at", "-id"], name="query_newest")]

    def __str__(self) -> str:
        return self.message[:80]


class FAQEntry(models.Model):
    """A question a chatbot knows, and what it answers."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    chatbot = models.ForeignKey(Chatbot, models.CASCADE, related_name="faqs", db_index=False)
    question = models.TextField(max_length=1000)
    answer = models.TextField(max_length=4000)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "FAQ entry"
        verbose_name_plural = "FAQ entries"
        indexes = [models.Index(fields=["chatbot", "-created_at", "-id"], name="faq_newest")]

    def __str__(self) -> str:
        return self.question[:80]
