"""One view, guarded in turn by nothing, by WizChat and by each peer."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from django.utils import timezone
from knox.auth import TokenAuthentication as KnoxAuthentication
from rest_framework.authentication import BaseAuthentication, TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.generics import ListAPIView
from rest_framework.pagination import CursorPagination
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.serializers import ModelSerializer
from rest_framework.views import APIView
from rest_framework_api_key.permissions import HasAPIKey

from apikeys.models import APIKey, Permission
from chatbots.models import Chatbot
from chatbots.serializers import ChatbotSerializer


class PlainView(APIView):
    authentication_classes = []
    permission_classes = []

    def get(self, request):
        return Response({})


class WizChatView(APIView):
    required_permissions = {"GET": Permission.READ}
    get = PlainView.get


class TokenView(PlainView):
    authentication_classes = [TokenAuthentication]
    permission_classes = [IsAuthenticated]


class KnoxView(PlainView):
    authentication_classes = [KnoxAuthentication]
    permission_classes = [IsAuthenticated]


class HasAPIKeyView(PlainView):
    permission_classes = [HasAPIKey]


class NaiveArgon2(BaseAuthentication):
    """What one would write first: the ORM, and Argon2 on each request."""

    argon2 = PasswordHasher(memory_cost=19456, time_cost=2, parallelism=1)

    def authenticate(self, request):
        raw = request.headers["Authorization"].removeprefix("Bearer ")
        key = APIKey.objects.select_related("owner").filter(key_id=raw[4:16]).first()
        try:
            genuine = key is not None and self.argon2.verify(key.key_hash, raw)
        except VerificationError:
            genuine = False
        if not genuine or not key.owner.is_active or not key.is_live(timezone.now()):
            raise AuthenticationFailed
        return key.owner, key


class NaiveView(PlainView):
    authentication_classes = [NaiveArgon2]
    permission_classes = [IsAuthenticated]


class StockChatbotSerializer(ModelSerializer):
    class Meta:
        model = Chatbot
        fields = ChatbotSerializer.Meta.fields


class StockPagination(CursorPagination):
    page_size = 50
    ordering = "-created_at"


class StockChatbotList(ListAPIView):
    """``GET /v1/chatbots`` as DRF's documentation would have it, with a token of DRF's own."""

    authentication_classes = [TokenAuthentication]
    permission_classes = [IsAuthenticated]
    serializer_class = StockChatbotSerializer
    pagination_class = StockPagination

    def get_queryset(self):
        return Chatbot.objects.filter(owner=self.request.user)
