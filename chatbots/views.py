"""The endpoints of ``/v1/``. Every queryset begins at the key's owner, so a key sees nothing else."""

from __future__ import annotations

from typing import Any, TypeVar

from django.contrib.auth.models import User
from django.db import IntegrityError, models, transaction
from django.db.models import QuerySet
from rest_framework import generics, mixins
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from apikeys.auth.authentication import KeyRefused
from apikeys.core.outcomes import Outcome
from apikeys.models import Permission
from chatbots import operations as described
from chatbots.models import Chatbot, ChatbotInactive, FAQEntry, FAQsFull, Query
from chatbots.serializers import ChatbotSerializer, FAQEntrySerializer, QuerySerializer
from wizchat.api import catalogue
from wizchat.api.errors import APIError
from wizchat.api.serializers import to_json

_Model = TypeVar("_Model", bound=models.Model)


class OwnerRequest(Request):
    """A request with a key. Its user is the key's owner, with only the id loaded."""

    user: User


class OwnedView(generics.GenericAPIView[_Model]):
    """Loads the chatbot that the URL names, and translates the models' exceptions."""

    request: OwnerRequest
    http_method_names = ["get", "head", "post", "patch", "delete"]

    chatbot: Chatbot

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Find the chatbot after checking the key's permission and before reading the body."""
        super().initial(request, *args, **kwargs)
        if "chatbot_id" in kwargs:
            self.chatbot = get_object_or_404(self.request.user.chatbots, pk=kwargs["chatbot_id"])

    def list(self, request: Request, *args: object, **kwargs: object) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        represent = to_json(self.get_serializer_class())  # type: ignore[arg-type]  # a class is hashable
        return self.get_paginated_response([represent(row) for row in page or ()])

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, Chatbot.DoesNotExist):  # another request has deleted it
            exc = NotFound()
        elif isinstance(exc, ChatbotInactive):
            exc = APIError(catalogue.CHATBOT_INACTIVE)
        elif isinstance(exc, FAQsFull):
            exc = ValidationError([f"A chatbot has at most {Chatbot.MAX_FAQS} FAQ entries."])
        return super().handle_exception(exc)


class ChatbotList(OwnedView[Chatbot], generics.ListCreateAPIView[Chatbot]):
    required_permissions = {"GET": Permission.READ, "POST": Permission.ADMIN}
    operations = described.CHATBOT_LIST
    serializer_class = ChatbotSerializer

    def get_queryset(self) -> QuerySet[Chatbot]:
        return self.request.user.chatbots.all()

    def perform_create(self, serializer: BaseSerializer[Chatbot]) -> None:
        try:
            serializer.save(owner=self.request.user)
        except IntegrityError as error:  # the foreign key: the owner's account was deleted just now
            raise KeyRefused(Outcome.INACTIVE_OWNER) from error


class ChatbotDetail(OwnedView[Chatbot], generics.RetrieveDestroyAPIView[Chatbot], mixins.UpdateModelMixin):
    required_permissions = {"GET": Permission.READ, "PATCH": Permission.WRITE, "DELETE": Permission.ADMIN}
    operations = described.CHATBOT_DETAIL
    serializer_class = ChatbotSerializer
    patch = mixins.UpdateModelMixin.partial_update

    def get_object(self) -> Chatbot:
        return self.chatbot

    def perform_destroy(self, instance: Chatbot) -> None:
        with transaction.atomic():
            # Lock it first: a message that arrives between the deletes would make them fail.
            self.request.user.chatbots.select_for_update().get(pk=instance.pk).delete()


class QueryList(OwnedView[Query], generics.ListAPIView[Query]):
    required_permissions = {"GET": Permission.READ}
    operations = described.QUERY_LIST
    serializer_class = QuerySerializer

    def get_queryset(self) -> QuerySet[Query]:
        return self.chatbot.queries.all()


class MessageCreate(OwnedView[Query], generics.CreateAPIView[Query]):
    required_permissions = {"POST": Permission.WRITE}
    operations = described.MESSAGE_CREATE
    serializer_class = QuerySerializer

    def perform_create(self, serializer: BaseSerializer[Query]) -> None:
        serializer.save(chatbot=self.chatbot)


class FAQEntryList(OwnedView[FAQEntry], generics.ListCreateAPIView[FAQEntry]):
    required_permissions = {"GET": Permission.READ, "POST": Permission.WRITE}
    operations = described.FAQ_LIST
    serializer_class = FAQEntrySerializer

    def get_queryset(self) -> QuerySet[FAQEntry]:
        return self.chatbot.faqs.all()

    def perform_create(self, serializer: BaseSerializer[FAQEntry]) -> None:
        serializer.save(chatbot=self.chatbot)


class FAQEntryDetail(OwnedView[FAQEntry], generics.DestroyAPIView[FAQEntry]):
    required_permissions = {"DELETE": Permission.ADMIN}
    operations = described.FAQ_DETAIL
    lookup_url_kwarg = "faq_id"

    def get_queryset(self) -> QuerySet[FAQEntry]:
        return self.chatbot.faqs.all()
