"""From the Authorization header to a key: looked up, proved, judged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models.base import ModelState
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from apikeys.auth import failed_attempts, refusals
from apikeys.auth.credentials import Credential, lookup
from apikeys.core import keyformat, policy
from apikeys.core.metrics import ACCEPTED
from apikeys.core.networks import IPAddress, client_address
from apikeys.usage import recorder

INVALID = "Invalid API key"


class NotGenuine(Exception):
    """A key proves nothing. The reason is for operators; ``key_id`` is the id that the key names, if any."""

    def __init__(self, reason: str, key_id: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.key_id = key_id


class APIKeyAuthentication(BaseAuthentication):
    """``Authorization: Bearer KEY`` (RFC 6750, 2.1), and nothing else, is a credential."""

    def authenticate(self, request: Request) -> tuple[User, Credential] | None:
        """Return the key's owner and the key; ``None`` if no key is presented.

        Raises ``AuthenticationFailed`` (401) for a key that is not genuine or has ended,
        ``PermissionDenied`` (403) for a wrong address, ``TooManyFailures`` (429).
        """
        http = request._request  # DRF looks each attribute up there, in vain on its own first
        raw = bearer_token(http.META)
        if raw is None:
            return None
        client_ip = request_address(http.META)
        try:
            credential = genuine(raw)
        except NotGenuine as refusal:
            refusals.note(http, refusal.reason, refusal.key_id)
            failed_attempts.count(client_ip)
            raise AuthenticationFailed(INVALID) from refusal
        try:
            policy.check(credential, client_ip=client_ip, now=timezone.now())
        except policy.Refused as refusal:
            recorder.note(http, credential.id, client_ip, refusal.reason)
            refusals.note(http, refusal.reason, credential.key_id)
            denied = PermissionDenied if isinstance(refusal, policy.WrongAddress) else AuthenticationFailed
            raise denied(refusal.message) from refusal
        recorder.note(http, credential.id, client_ip)
        ACCEPTED.inc()
        return owner_of(credential), credential

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="WizChat"'


def bearer_token(meta: Mapping[str, Any]) -> str | None:
    """Return what follows ``Bearer`` in the Authorization header; ``None`` if nothing does."""
    scheme, _, token = meta.get("HTTP_AUTHORIZATION", "").strip(" ").partition(" ")
    return token.strip(" ") or None if scheme.lower() == "bearer" else None


def genuine(raw: str) -> Credential:
    """Return the credential that ``raw`` proves; raise ``NotGenuine`` if there is none."""
    try:
        key_id = keyformat.parse(raw).key_id
    except keyformat.Malformed as malformed:
        raise NotGenuine("malformed") from malformed
    credential = lookup(key_id)
    if credential is None:
        raise NotGenuine("unknown", key_id)
    if not credential.is_proved_by(raw):
        raise NotGenuine("wrong_secret", key_id)
    if not credential.owner_is_active:
        raise NotGenuine("inactive_owner", key_id)
    return credential


def request_address(meta: Mapping[str, Any]) -> IPAddress | None:
    """Return the address that a request is judged by; ``None`` if nobody trustworthy knows."""
    return client_address(
        meta.get("REMOTE_ADDR", ""), meta.get("HTTP_X_FORWARDED_FOR"), settings.TRUSTED_PROXIES
    )


def owner_of(credential: Credential) -> User:
    """Return the owner with only the id loaded; other columns are fetched when a view reads them.

    This is what ``User.from_db`` comes to without its walk past every column, which is a
    tenth of the whole authentication.
    """
    owner = User.__new__(User)
    owner.__dict__ = {"id": credential.owner_id, "_state": ModelState()}
    owner._state.adding = False
    return owner
