"""How a chatbot finds its answer. ``settings.CHATBOT_REPLIER`` names the class that does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from chatbots.matching import best_match

if TYPE_CHECKING:
    from chatbots.models import Chatbot


class Replier(Protocol):
    """What a class named by ``settings.CHATBOT_REPLIER`` offers."""

    def reply(self, chatbot: Chatbot, message: str) -> str:
        """The answer of ``chatbot`` to ``message`` (1 to 4,000 characters)."""


class FAQReplier:
    """Answers with the FAQ entry that asks the same, else with the chatbot's fallback message."""

    def reply(self, chatbot: Chatbot, message: str) -> str:
        # Questions first and one answer after: the answers are by far the longer texts.
        newest = chatbot.faqs.order_by("-created_at", "-id")[: chatbot.MAX_FAQS]
        faqs = list(newest.values_list("id", "question"))
        found = best_match(message, [question for _, question in faqs])
        if found is None:
            return chatbot.fallback_message
        answers = chatbot.faqs.filter(pk=faqs[found][0]).values_list("answer", flat=True)
        return answers.first() or chatbot.fallback_message


def reply(chatbot: Chatbot, message: str) -> str:
    """Ask the replier in use."""
    replier: Replier = import_string(settings.CHATBOT_REPLIER)()
    return replier.reply(chatbot, message)
