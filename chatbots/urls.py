"""The chatbot endpoints under ``/v1/``, each with and without a trailing slash."""

from __future__ import annotations

from chatbots import views
from wizchat.api.routes import endpoint

app_name = "v1"

urlpatterns = [
    *endpoint("chatbots", views.ChatbotList, "chatbots"),
    *endpoint("chatbots/<uuid:chatbot_id>", views.ChatbotDetail, "chatbot"),
    *endpoint("chatbots/<uuid:chatbot_id>/queries", views.QueryList, "queries"),
    *endpoint("chatbots/<uuid:chatbot_id>/messages", views.MessageCreate, "messages"),
    *endpoint("chatbots/<uuid:chatbot_id>/faqs", views.FAQEntryList, "faqs"),
    *endpoint("chatbots/<uuid:chatbot_id>/faqs/<uuid:faq_id>", views.FAQEntryDetail, "faq"),
]
