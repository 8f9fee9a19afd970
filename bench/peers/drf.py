"""With Django REST framework: ``ModelViewSet``, ``CursorPagination`` and ``TokenAuthentication``."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from django.urls import include, path
from rest_framework.mixins import CreateModelMixin
from rest_framework.pagination import CursorPagination
from rest_framework.routers import DefaultRouter
from rest_framework.serializers import ModelSerializer
from rest_framework.viewsets import GenericViewSet, ModelViewSet

from bench.peers.answers import exact_answer
from chatbots.models import Chatbot, Query


class ChatbotSerializer(ModelSerializer):
    class Meta:
        model = Chatbot
        fields = [
            *["id", "name", "description", "welcome_message", "fallback_message"],
            *["is_active", "created_at", "updated_at"],
        ]


class QuerySerializer(ModelSerializer):
    class Meta:
        model = Query
        fields = ["id", "chatbot", "message", "answer", "created_at"]
        read_only_fields = ["chatbot", "answer"]


class NewestFirst(CursorPagination):
    page_size = 50
    ordering = "-created_at"


class ChatbotViewSet(ModelViewSet):
    serializer_class = ChatbotSerializer
    pagination_class = NewestFirst

    def get_queryset(self):
        return Chatbot.objects.filter(owner=self.request.user)


class QueryViewSet(ModelViewSet):
    serializer_class = QuerySerializer
    pagination_class = NewestFirst

    def get_queryset(self):
        chatbot = get_object_or_404(self.request.user.chatbots, pk=self.kwargs["chatbot_pk"])
        return chatbot.queries.all()


class MessageViewSet(CreateModelMixin, GenericViewSet):
    serializer_class = QuerySerializer

    def perform_create(self, serializer):
        chatbot = get_object_or_404(self.request.user.chatbots, pk=self.kwargs["chatbot_pk"])
        answer = exact_answer(chatbot, serializer.validated_data["message"])
        serializer.save(chatbot=chatbot, answer=answer)


router = DefaultRouter(trailing_slash=False)
router.register("chatbots", ChatbotViewSet, basename="chatbot")
router.register("chatbots/(?P<chatbot_pk>[^/.]+)/queries", QueryViewSet, basename="query")
router.register("chatbots/(?P<chatbot_pk>[^/.]+)/messages", MessageViewSet, basename="message")

urlpatterns = [path("v1/", include(router.urls))]
