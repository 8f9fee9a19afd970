"""One view, without authentication, with WizChat's and with each peer's."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from django.utils import timezone
from knox.auth import TokenAuthentication as KnoxAuthentication
from rest_framework.authentication import BaseAuthentication, TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_api_key.permissions import HasAPIKey

from apikeys.core.keyformat import bare_id
from apikeys.models import APIKey, Permission


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
    """The obvious implementation: the ORM, and Argon2 on each request."""

    argon2 = PasswordHasher(memory_cost=19456, time_cost=2, parallelism=1)

    def authenticate(self, request):
        raw = request.headers["Authorization"].removeprefix("Bearer ")
        key = APIKey.objects.select_related("owner").filter(key_id=bare_id(raw)).first()
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
