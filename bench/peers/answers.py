"""How both peers answer a message: from an FAQ entry with the very same text."""

from __future__ import annotations

from chatbots.models import Chatbot


def exact_answer(chatbot: Chatbot, message: str) -> str:
    answers = chatbot.faqs.filter(question=message).values_list("answer", flat=True)
    return answers.first() or chatbot.fallback_message
