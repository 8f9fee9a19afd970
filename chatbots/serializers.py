"""Chatbots, queries and FAQ entries as JSON."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

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

    def update(self, instance: Chatbot, validated_data: dict[str, Any]) -> Chatbot:
        instance.change(now=timezone.now(), **validated_data)
        return instance


class QuerySerializer(StrictSerializer[Query]):
    class Meta:
        model = Query
        fields = ["id", "chatbot", "message", "answer", "created_at"]
        read_only_fields = ["chatbot", "answer"]

    def create(self, validated_data: dict[str, Any]) -> Query:
        chatbot: Chatbot = validated_data["chatbot"]
        return chatbot.ask(validated_data["message"])


class FAQEntrySerializer(StrictSerializer[FAQEntry]):
    class Meta:
        model = FAQEntry
        fields = ["id", "question", "answer"]

    def create(self, validated_data: dict[str, Any]) -> FAQEntry:
        chatbot: Chatbot = validated_data["chatbot"]
        return chatbot.learn(validated_data["question"], validated_data["answer"])
