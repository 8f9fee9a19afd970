"""The built-in replier. ``settings.CHATBOT_REPLIER`` names the class that finds a chatbot's answers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from chatbots.matching import best_match, prepare
from chatbots.models import Chatbot, FAQEntry
from wizchat.statements import Parameter, Statement

PREPARED_LATE = 10
"""How many unprepared questions one message prepares. Few, because each can take milliseconds."""

_FAQS = FAQEntry.objects.filter(chatbot=Parameter("chatbot", Chatbot._meta.pk))
_NEWEST = _FAQS.order_by("-created_at", "-id")[: Chatbot.MAX_FAQS]
_ENTRY = _FAQS.filter(pk=Parameter("entry", FAQEntry._meta.pk))

# Read the questions first and then one answer: answers are much longer.
_prepared_questions = Statement(_NEWEST.values_list("pk", "prepared"))
_answer = Statement(_ENTRY.values_list("answer"))


class FAQReplier:
    """Answers with the best matching FAQ entry, or with the chatbot's fallback message."""

    def reply(self, chatbot: Chatbot, message: str) -> str:
        prepared: dict[Any, str] = dict(_prepared_questions.json_rows(chatbot=chatbot.pk))
        if unprepared := [pk for pk, text in prepared.items() if not text]:
            late = _prepare_late(unprepared[:PREPARED_LATE])
            prepared = {pk: text or late.get(str(pk), "") for pk, text in prepared.items()}
        known = {pk: text for pk, text in prepared.items() if text}
        found = best_match(message, list(known.values()))
        if found is None:
            return chatbot.fallback_message
        row = _answer.first(chatbot=chatbot.pk, entry=list(known)[found])
        answer: str = row[0] if row else chatbot.fallback_message
        return answer


def _prepare_late(entries: Collection[Any]) -> dict[str, str]:
    """Prepare questions that a bulk insert, or a server of the previous release, left unprepared.

    Returns the prepared questions by the id of their entry, as text.
    """
    prepared = {}
    for pk, question in FAQEntry.objects.filter(pk__in=entries).values_list("pk", "question"):
        text = prepared[str(pk)] = prepare(question)
        # The question may have just been edited: the old one must not replace the new one.
        FAQEntry.objects.filter(pk=pk, question=question).update(prepared=text)
    return prepared
