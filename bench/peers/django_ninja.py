"""With django-ninja: ``ModelSchema``, ``CursorPagination``, and ``HttpBearer`` over a hashed key.

No ``from __future__ import annotations``: django-ninja can't resolve such annotations of a paginated view.
"""

from uuid import UUID

from django.shortcuts import get_object_or_404
from django.urls import path
from ninja import ModelSchema, NinjaAPI, Schema
from ninja.pagination import CursorPagination, paginate
from ninja.security import HttpBearer

from bench.peers.answers import exact_answer
from bench.peers.models import HashedKey
from chatbots.models import Chatbot, Query


class Key(HttpBearer):
    def authenticate(self, request, token):
        key = HashedKey.objects.select_related("owner").filter(digest=HashedKey.digest_of(token)).first()
        if key is None or not key.owner.is_active:
            return None
        request.user = key.owner
        return key


class ChatbotSchema(ModelSchema):
    class Meta:
        model = Chatbot
        fields = [
            *["id", "name", "description", "welcome_message", "fallback_message"],
            *["is_active", "created_at", "updated_at"],
        ]


class QuerySchema(ModelSchema):
    class Meta:
        model = Query
        fields = ["id", "chatbot", "message", "answer", "created_at"]


class Message(Schema):
    message: str


api = NinjaAPI(auth=Key())
newest_first = paginate(CursorPagination, ordering=("-created_at", "-id"), page_size=50)


@api.get("chatbots", response=list[ChatbotSchema])
@newest_first
def chatbot_list(request):
    return Chatbot.objects.filter(owner=request.user)


@api.get("chatbots/{uuid:chatbot_id}", response=ChatbotSchema)
def chatbot_detail(request, chatbot_id: UUID):
    return get_object_or_404(Chatbot, owner=request.user, pk=chatbot_id)


@api.get("chatbots/{uuid:chatbot_id}/queries", response=list[QuerySchema])
@newest_first
def query_list(request, chatbot_id: UUID):
    return get_object_or_404(Chatbot, owner=request.user, pk=chatbot_id).queries.all()


@api.post("chatbots/{uuid:chatbot_id}/messages", response={201: QuerySchema})
def message_create(request, chatbot_id: UUID, body: Message):
    chatbot = get_object_or_404(Chatbot, owner=request.user, pk=chatbot_id)
    answer = exact_answer(chatbot, body.message)
    return 201, chatbot.queries.create(message=body.message, answer=answer)


urlpatterns = [path("v1/", api.urls)]
