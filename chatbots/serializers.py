"""Chatbots, queries and FAQ entries as JSON."""

from __future__ import annotations

from chatbots.models import Chatbot, FAQEntry, Query
from wizchat.api.serializers import StrictSerializer


class ChatbotSerializer(StrictSerializer[Chatbot]):
    class Meta:
        model = Chatbot
        fields = [
            "id",
            "name",
            "description",
            "welcome_message",
            "fallback_message",
            "is_active",
            "created_at",
            "updated_at",
        ]
        extra_kwargs = {
            "id": {"help_text": "Identifies the chatbot in URLs."},
            "name": {"help_text": "Your name for the chatbot."},
            "description": {"help_text": "What the chatbot is for."},
            "welcome_message": {"help_text": "How it greets people."},
            "fallback_message": {"help_text": "How it answers when no FAQ entry matches."},
            "is_active": {"help_text": "Whether it answers messages."},
            "created_at": {"help_text": "When it was created."},
            "updated_at": {"help_text": "When its settings were last changed."},
        }


class QuerySerializer(StrictSerializer[Query]):
    class Meta:
        model = Query
        fields = ["id", "chatbot", "message", "answer", "created_at"]
        read_only_fields = ["chatbot", "answer"]
        extra_kwargs = {
            "id": {"help_text": "Identifies the query."},
            "chatbot": {"help_text": "The id of the chatbot."},
            "message": {"help_text": "The question."},
            "answer": {"help_text": "What the chatbot answered."},
            "created_at": {"help_text": "When it was asked."},
        }


class FAQEntrySerializer(StrictSerializer[FAQEntry]):
    class Meta:
        model = FAQEntry
        fields = ["id", "question", "answer"]
        extra_kwargs = {
            "id": {"help_text": "Identifies the entry in URLs."},
            "question": {"help_text": "What people ask."},
            "answer": {"help_text": "What the chatbot answers."},
        }
