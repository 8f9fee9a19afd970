"""Chatbots, queries and FAQ entries as JSON. Text is text and truth is truth: nothing is converted."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from django.db import models
from django.utils import timezone
from rest_framework import serializers
from rest_framework.fields import empty

from chatbots.models import Chatbot, FAQEntry, Query

_Model = TypeVar("_Model", bound=models.Model)


class StrictCharField(serializers.CharField):
    """Takes a JSON string only; DRF's own makes "1" of 1."""

    def run_validation(self, data: Any = empty) -> Any:
        if data is not empty and data is not None and not isinstance(data, str):
            self.fail("invalid")
        return super().run_validation(data)


class StrictBooleanField(serializers.BooleanField):
    """Takes ``true`` and ``false`` only; DRF's own takes "yes", "t" and 1 as well."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class StrictSerializer(serializers.ModelSerializer[_Model]):
    """A ``ModelSerializer`` of strict fields; the lengths are the model's."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: StrictCharField,
        models.TextField: StrictCharField,
        models.BooleanField: StrictBooleanField,
    }


@cache
def to_json(serializer_class: type[serializers.BaseSerializer[Any]]) -> Callable[[Any], Any]:
    """Return what makes JSON of one row. Built once: DRF would read the model anew for each request."""
    return serializer_class().to_representation


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
