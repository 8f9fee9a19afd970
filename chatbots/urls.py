"""The chatbot endpoints under ``/v1/``, each with and without a trailing slash."""

from __future__ import annotations

from chatbots import views
from wizchat.api.routes import endpoint

app_name = "v1"

urlpatterns = [
    *endpoint("chatbots", views.ChatbotList, "chatbots"),
    *endpoint("chatbots/<id:chatbot_id>", views.ChatbotDetail, "chatbot"),
    *endpoint("chatbots/<id:chatbot_id>/queries", views.QueryList, "queries"),
    *endpoint("chatbots/<id:chatbot_id>/messages", views.MessageCreate, "messages"),
    *endpoint("chatbots/<id:chatbot_id>/faqs", views.FAQEntryList, "faqs"),
    *endpoint("chatbots/<id:chatbot_id>/faqs/<id:faq_id>", views.FAQEntryDetail, "faq"),
]
