"""The endpoints of ``/v1/``. Every queryset starts from the key's owner, so a key sees nothing else."""

from __future__ import annotations

from typing import Any, TypeVar
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, models, transaction
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request

from apikeys.auth.authentication import KeyRefused, OwnerRequest
from apikeys.core.outcomes import Outcome
from apikeys.models import Permission
from chatbots import operations as described
from chatbots.models import Chatbot, ChatbotInactive, FAQEntry, FAQsFull, Query
from chatbots.serializers import ChatbotSerializer, FAQEntrySerializer, QuerySerializer
from wizchat.api import catalogue
from wizchat.api.errors import APIError
from wizchat.api.responses import no_content
from wizchat.api.views import Endpoint
from wizchat.statements import Parameter, Statement

_Model = TypeVar("_Model", bound=models.Model)

OWNER = Parameter("owner_id", User._meta.pk)
CHATBOT = Parameter("chatbot_id", Chatbot._meta.pk)

OWNED = Chatbot.objects.filter(owner=OWNER)
THE_CHATBOT = Statement(OWNED.filter(pk=CHATBOT))


class OwnedView(Endpoint[_Model]):
    """Loads the chatbot that the URL names, and translates the models' exceptions."""

    request: OwnerRequest
    chatbot: Chatbot

    def parameters(self) -> dict[str, Any]:
        return {"owner_id": self.request.user.pk, **self.kwargs}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Find the chatbot after checking the key's permission and before reading the body."""
        super().initial(request, *args, **kwargs)
        if "chatbot_id" in kwargs:
            self.chatbot = THE_CHATBOT.get(**self.parameters())

    def translated(self, exc: Exception) -> Exception:
        match exc:
            case Chatbot.DoesNotExist():  # another owner's, or just deleted
                return NotFound()
            case ChatbotInactive():
                return APIError(catalogue.CHATBOT_INACTIVE)
            case FAQsFull():
                return ValidationError([f"A chatbot has at most {Chatbot.MAX_FAQS} FAQ entries."])
        return exc


class ChatbotList(OwnedView[Chatbot]):
    required_permissions = {"GET": Permission.READ, "POST": Permission.ADMIN}
    operations = described.CHATBOT_LIST
    serializer_class = ChatbotSerializer
    queryset = OWNED
    get, post = Endpoint.list, Endpoint.create

    def create_object(self, **values: Any) -> Chatbot:
        try:
            return Chatbot.objects.create(owner=self.request.user, **values)
        except IntegrityError as error:  # the foreign key: the owner's account has just been deleted
            raise KeyRefused(Outcome.INACTIVE_OWNER) from error


class ChatbotDetail(OwnedView[Chatbot]):
    required_permissions = {"GET": Permission.READ, "PATCH": Permission.WRITE, "DELETE": Permission.ADMIN}
    operations = described.CHATBOT_DETAIL
    serializer_class = ChatbotSerializer
    get, patch = Endpoint.retrieve, Endpoint.partial_update

    def get_object(self) -> Chatbot:
        return self.chatbot

    def update_object(self, **values: Any) -> Chatbot:
        self.chatbot.change(now=timezone.now(), **values)
        return self.chatbot

    def delete(self, request: Request, *args: object, **kwargs: object) -> HttpResponse:
        with transaction.atomic():
            # Lock it first: a message that arrives between the deletes would make them fail.
            self.request.user.chatbots.select_for_update().get(pk=self.chatbot.pk).delete()
        return no_content()


class QueryList(OwnedView[Query]):
    required_permissions = {"GET": Permission.READ}
    operations = described.QUERY_LIST
    serializer_class = QuerySerializer
    queryset = Query.objects.filter(chatbot=CHATBOT)
    get = Endpoint.list


class MessageCreate(OwnedView[Query]):
    required_permissions = {"POST": Permission.WRITE}
    operations = described.MESSAGE_CREATE
    serializer_class = QuerySerializer
    post = Endpoint.create

    def create_object(self, **values: Any) -> Query:
        return self.chatbot.ask(**values)


class FAQEntryList(OwnedView[FAQEntry]):
    required_permissions = {"GET": Permission.READ, "POST": Permission.WRITE}
    operations = described.FAQ_LIST
    serializer_class = FAQEntrySerializer
    queryset = FAQEntry.objects.filter(chatbot=CHATBOT)
    get, post = Endpoint.list, Endpoint.create

    def create_object(self, **values: Any) -> FAQEntry:
        return self.chatbot.learn(**values)


class FAQEntryDetail(OwnedView[FAQEntry]):
    required_permissions = {"DELETE": Permission.ADMIN}
    operations = described.FAQ_DETAIL

    def delete(self, request: Request, faq_id: UUID, **kwargs: object) -> HttpResponse:
        get_object_or_404(self.chatbot.faqs, pk=faq_id).delete()
        return no_content()
