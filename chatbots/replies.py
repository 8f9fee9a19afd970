"""The built-in replier. ``settings.CHATBOT_REPLIER`` names the class that finds a chatbot's answers."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from uuid import UUID

from chatbots.matching import best_match, prepare
from chatbots.models import Chatbot, FAQEntry

PREPARED_LATE = 10
"""How many unprepared questions one message prepares. Few, because each can take milliseconds."""


class FAQReplier:
    """Answers with the best matching FAQ entry, or with the chatbot's fallback message."""

    def reply(self, chatbot: Chatbot, message: str) -> str:
        # Read the questions first and then one answer: answers are much longer.
        newest = chatbot.faqs.order_by("-created_at", "-id")[: chatbot.MAX_FAQS]
        prepared = dict(newest.values_list("pk", "prepared"))
        if unprepared := [pk for pk, text in prepared.items() if not text]:
            prepared |= _prepare_late(unprepared[:PREPARED_LATE])
        known = {pk: text for pk, text in prepared.items() if text}
        found = best_match(message, list(known.values()))
        if found is None:
            return chatbot.fallback_message
        answers = chatbot.faqs.filter(pk=list(known)[found]).values_list("answer", flat=True)
        return answers.first() or chatbot.fallback_message


def _prepare_late(entries: Collection[UUID]) -> Iterator[tuple[UUID, str]]:
    """Prepare questions that a bulk insert, or a server of the previous release, left unprepared."""
    for pk, question in FAQEntry.objects.filter(pk__in=entries).values_list("pk", "question"):
        text = prepare(question)
        # The question may be edited at this moment; the text of the old one must not replace the new.
        FAQEntry.objects.filter(pk=pk, question=question).update(prepared=text)
        yield pk, text
