"""Chatbots, the FAQ entries they answer from, and the queries they were sent."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol

from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from chatbots.matching import prepare

DEFAULT_FALLBACK = "Sorry, I have no answer to that yet."


class ChatbotInactive(Exception):
    """The chatbot is switched off and doesn't accept messages."""


class FAQsFull(Exception):
    """The chatbot already has ``Chatbot.MAX_FAQS`` FAQ entries."""


class Replier(Protocol):
    """The interface of the class that ``settings.CHATBOT_REPLIER`` names."""

    def reply(self, chatbot: Chatbot, message: str) -> str:
        """Return the answer of ``chatbot`` to ``message`` (1 to 4,000 characters)."""


class Chatbot(models.Model):
    """Answers questions for its owner's customers."""

    MAX_FAQS = 1000  # each reply reads all of them

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
        """Write only the settings in ``values``, so that concurrent changes don't overwrite each other.

        Raises ``Chatbot.DoesNotExist`` if another request has deleted the chatbot.
        """
        if values:
            Chatbot.objects.filter(pk=self.pk).update(**values, updated_at=now)
            self.refresh_from_db()

    def ask(self, message: str) -> Query:
        """Answer ``message`` and store both.

        Raises ``ChatbotInactive``, or ``Chatbot.DoesNotExist`` if another request has deleted the chatbot.
        """
        if not self.is_active:
            raise ChatbotInactive
        replier: Replier = import_string(settings.CHATBOT_REPLIER)()
        answer = replier.reply(self, message)
        try:
            return self.queries.create(message=message, answer=answer)
        except IntegrityError as error:  # the foreign key: the chatbot was deleted while it was answering
            raise Chatbot.DoesNotExist from error

    def learn(self, question: str, answer: str) -> FAQEntry:
        """Add an FAQ entry.

        Raises ``FAQsFull``, or ``Chatbot.DoesNotExist`` if another request has deleted the chatbot.
        """
        with transaction.atomic():
            # The lock makes concurrent requests count one after another; messages don't wait for it.
            Chatbot.objects.select_for_update(no_key=True).only("pk").get(pk=self.pk)
            if self.faqs.count() >= self.MAX_FAQS:
                raise FAQsFull
            return self.faqs.create(question=question, answer=answer)


class Query(models.Model):
    """A message to a chatbot and the answer it got."""

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
    """A question that a chatbot knows, and its answer."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    chatbot = models.ForeignKey(Chatbot, models.CASCADE, related_name="faqs", db_index=False)
    question = models.TextField(max_length=1000)
    answer = models.TextField(max_length=4000)
    # The question as chatbots.matching reads it; empty if something other than save() wrote the row.
    prepared = models.TextField(db_default="", editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "FAQ entry"
        verbose_name_plural = "FAQ entries"
        indexes = [models.Index(fields=["chatbot", "-created_at", "-id"], name="faq_newest")]

    def __str__(self) -> str:
        return self.question[:80]

    def save(self, *, update_fields: Iterable[str] | None = None, **options: Any) -> None:
        """Prepare the question whenever it is written."""
        self.prepared = prepare(self.question)
        if update_fields is not None and "question" in update_fields:
            update_fields = {*update_fields, "prepared"}
        super().save(update_fields=update_fields, **options)
