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


class QuerySerializer(StrictSerializer[Query]):
    class Meta:
        model = Query
        fields = ["id", "chatbot", "message", "answer", "created_at"]
        read_only_fields = ["chatbot", "answer"]


class FAQEntrySerializer(StrictSerializer[FAQEntry]):
    class Meta:
        model = FAQEntry
        fields = ["id", "question", "answer"]
