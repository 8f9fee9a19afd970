"""The admin of chatbots. Operators can read and delete queries but not edit them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.http import HttpRequest

from apikeys.pages.times import moment_of
from chatbots.models import Chatbot, FAQEntry, Query

if TYPE_CHECKING:
    ChatbotBase = admin.ModelAdmin[Chatbot]
    FAQEntryBase = admin.ModelAdmin[FAQEntry]
    QueryBase = admin.ModelAdmin[Query]
else:  # Django's class isn't generic at run time
    ChatbotBase = FAQEntryBase = QueryBase = admin.ModelAdmin


@admin.register(Chatbot)
class ChatbotAdmin(ChatbotBase):
    created, updated = moment_of("created_at"), moment_of("updated_at")
    list_display = ["name", "owner", "is_active", "created", "updated"]
    list_filter = ["is_active"]
    search_fields = ["name", "description", "owner__username", "owner__email"]
    raw_id_fields = ["owner"]
    readonly_fields = ["id", "created", "updated"]
    ordering = ["-created_at", "-id"]


@admin.register(FAQEntry)
class FAQEntryAdmin(FAQEntryBase):
    created = moment_of("created_at")
    list_display = ["__str__", "chatbot", "created"]
    search_fields = ["question", "answer", "chatbot__name", "chatbot__owner__username"]
    raw_id_fields = ["chatbot"]
    readonly_fields = ["id", "created"]
    ordering = ["-created_at", "-id"]


@admin.register(Query)
class QueryAdmin(QueryBase):
    created = moment_of("created_at")
    list_display = ["__str__", "chatbot", "created"]
    fields = ["chatbot", "message", "answer", "created"]
    readonly_fields = ["created"]
    search_fields = ["message", "answer", "chatbot__name", "chatbot__owner__username"]
    ordering = ["-created_at", "-id"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Query | None = None) -> bool:
        return False
