"""The chatbot endpoints under ``/v1/``, each with and without a trailing slash."""

from __future__ import annotations

from django.urls import URLPattern, path
from rest_framework.views import APIView

from chatbots import views

app_name = "v1"


def endpoint(route: str, view: type[APIView], name: str) -> list[URLPattern]:
    return [path(route, view.as_view(), name=name), path(f"{route}/", view.as_view())]


urlpatterns = [
    *endpoint("chatbots", views.ChatbotList, "chatbots"),
    *endpoint("chatbots/<uuid:chatbot_id>", views.ChatbotDetail, "chatbot"),
    *endpoint("chatbots/<uuid:chatbot_id>/queries", views.QueryList, "queries"),
    *endpoint("chatbots/<uuid:chatbot_id>/messages", views.MessageCreate, "messages"),
    *endpoint("chatbots/<uuid:chatbot_id>/faqs", views.FAQEntryList, "faqs"),
    *endpoint("chatbots/<uuid:chatbot_id>/faqs/<uuid:faq_id>", views.FAQEntryDetail, "faq"),
]
