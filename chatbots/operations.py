"""The chatbot endpoints, as the API reference describes them."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from chatbots.models import DEFAULT_FALLBACK, Chatbot
from chatbots.serializers import ChatbotSerializer, FAQEntrySerializer, QuerySerializer
from wizchat.api import catalogue
from wizchat.api.operations import PAGES, Operation, page

TAG = "Chatbots"
CHATBOT_ID = OpenApiParameter(
    "chatbot_id", OpenApiTypes.UUID, OpenApiParameter.PATH, description="The id of the chatbot."
)
FAQ_ID = OpenApiParameter(
    "faq_id", OpenApiTypes.UUID, OpenApiParameter.PATH, description="The id of the FAQ entry."
)

_NEW = {
    "name": "Support",
    "description": "Answers questions about accounts.",
    "welcome_message": "Hello! How can I help?",
}
_CHATBOT = {
    "id": "6f1b2c1e-8f0d-4c5a-9b52-0d6c8e1f7a10",
    **_NEW,
    "fallback_message": DEFAULT_FALLBACK,
    "is_active": True,
    "created_at": "2026-11-02T09:30:00Z",
    "updated_at": "2026-11-02T09:30:00Z",
}
_CHANGE = {"is_active": False}
_QUESTION = {"message": "How do I reset my password?"}
_QUERY = {
    "id": "b2a7c9d4-51e3-4f7a-8c06-93d1f0ab6e25",
    "chatbot": _CHATBOT["id"],
    **_QUESTION,
    "answer": "Choose “Forgot password?” on the sign-in page.",
    "created_at": "2026-11-24T08:15:30.123456Z",
}
_NEW_ENTRY = {"question": _QUERY["message"], "answer": _QUERY["answer"]}
_ENTRY = {"id": "0c4f7e18-2d6b-4a93-b1f5-7e8d9c3a6b42", **_NEW_ENTRY}

CHATBOT_LIST = {
    "GET": Operation(
        "listChatbots",
        TAG,
        "List chatbots",
        "Returns your chatbots, newest first.",
        response=ChatbotSerializer(many=True),
        answer=page(_CHATBOT),
        parameters=PAGES,
    ),
    "POST": Operation(
        "createChatbot",
        TAG,
        "Create a chatbot",
        "Creates a chatbot. Only its name is required.",
        request=ChatbotSerializer,
        example=_NEW,
        status=201,
        response=ChatbotSerializer,
        answer=_CHATBOT,
    ),
}
CHATBOT_DETAIL = {
    "GET": Operation(
        "getChatbot",
        TAG,
        "Get a chatbot",
        "Returns one chatbot with its settings.",
        response=ChatbotSerializer,
        answer=_CHATBOT,
        parameters=(CHATBOT_ID,),
    ),
    "PATCH": Operation(
        "updateChatbot",
        TAG,
        "Update a chatbot",
        "Changes only the settings in the body.",
        request=ChatbotSerializer,
        example=_CHANGE,
        response=ChatbotSerializer,
        answer=_CHATBOT | _CHANGE | {"updated_at": "2026-11-24T08:20:00.654321Z"},
        parameters=(CHATBOT_ID,),
    ),
    "DELETE": Operation(
        "deleteChatbot",
        TAG,
        "Delete a chatbot",
        "Deletes a chatbot with its FAQ entries and queries.",
        status=204,
        parameters=(CHATBOT_ID,),
    ),
}
QUERY_LIST = {
    "GET": Operation(
        "listQueries",
        TAG,
        "List queries",
        "Returns the messages sent to a chatbot, with its answers, newest first.",
        response=QuerySerializer(many=True),
        answer=page(_QUERY),
        parameters=(CHATBOT_ID, *PAGES),
    )
}
MESSAGE_CREATE = {
    "POST": Operation(
        "sendMessage",
        TAG,
        "Send a message",
        "Stores a message and answers it with the best matching FAQ entry, or with the fallback message.",
        request=QuerySerializer,
        example=_QUESTION,
        status=201,
        response=QuerySerializer,
        answer=_QUERY,
        errors=(catalogue.CHATBOT_INACTIVE,),
        parameters=(CHATBOT_ID,),
    )
}
FAQ_LIST = {
    "GET": Operation(
        "listFAQs",
        TAG,
        "List FAQ entries",
        "Returns the questions and answers that a chatbot uses, newest first.",
        response=FAQEntrySerializer(many=True),
        answer=page(_ENTRY),
        parameters=(CHATBOT_ID, *PAGES),
    ),
    "POST": Operation(
        "createFAQ",
        TAG,
        "Add an FAQ entry",
        f"Adds a question and its answer. A chatbot can have up to {Chatbot.MAX_FAQS:,}.",
        request=FAQEntrySerializer,
        example=_NEW_ENTRY,
        status=201,
        response=FAQEntrySerializer,
        answer=_ENTRY,
        parameters=(CHATBOT_ID,),
    ),
}
FAQ_DETAIL = {
    "DELETE": Operation(
        "deleteFAQ",
        TAG,
        "Delete an FAQ entry",
        "Deletes one FAQ entry.",
        status=204,
        parameters=(CHATBOT_ID, FAQ_ID),
    )
}
