"""From the Authorization header to a key: looked up, verified, checked against policy."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db.models.base import ModelState
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from apikeys.auth import failed_attempts, rate_limit
from apikeys.auth.credentials import Credential, lookup
from apikeys.auth.requests import bearer_token, client_ip, note
from apikeys.core import keyformat, policy
from apikeys.core.outcomes import Outcome
from wizchat.api import catalogue
from wizchat.api.errors import APIError

CHALLENGE = 'Bearer realm="WizChat"'
"""WWW-Authenticate (RFC 6750, 3); parameters follow after a comma."""


class OwnerRequest(Request):
    """An authenticated request. Its user is the key's owner, with only the id loaded."""

    user: User
    auth: Credential


class NotGenuine(Exception):
    """The presented key isn't genuine; ``key_id`` is the id in it, if there is one."""

    def __init__(self, outcome: Outcome, key_id: str | None = None) -> None:
        super().__init__(outcome)
        self.outcome = outcome
        self.key_id = key_id


class KeyRefused(APIError):
    """A presented key was refused for the reason ``outcome``."""

    def __init__(self, outcome: Outcome) -> None:
        error = outcome.error or catalogue.INVALID_KEY
        is_challenged = error.status == catalogue.INVALID_KEY.status
        headers = {"WWW-Authenticate": f'{CHALLENGE}, error="invalid_token"'} if is_challenged else {}
        super().__init__(error, headers=headers)


class KeyRequired(APIError):
    def __init__(self) -> None:
        super().__init__(catalogue.KEY_REQUIRED, headers={"WWW-Authenticate": CHALLENGE})


class APIKeyAuthentication(BaseAuthentication):
    """Takes the key from ``Authorization: Bearer KEY`` (RFC 6750, 2.1), and from nowhere else."""

    def authenticate(self, request: Request) -> tuple[User, Credential] | None:
        """Return the key's owner and the key; ``None`` if no key is presented.

        Raises ``KeyRefused`` for a key that isn't genuine or may not be used (401, or 403 for a
        wrong address, or 429 past its rate limit) and ``TooManyFailures`` (429).
        """
        http = request._request  # DRF's wrapper fails an attribute lookup before it delegates
        raw = bearer_token(http.META)
        if raw is None:
            return None
        ip = client_ip(http.META)
        try:
            credential = genuine(raw)
        except NotGenuine as refused:
            note(http, key_id=refused.key_id, refusal=refused.outcome)
            failed_attempts.count(ip)
            raise KeyRefused(refused.outcome) from refused
        note(http, key_id=credential.key_id, pk=credential.id, client_ip=ip)
        try:
            policy.check(credential, client_ip=ip, now=timezone.now())
        except policy.Refused as refused:
            note(http, refusal=refused.outcome)
            raise KeyRefused(refused.outcome) from refused
        allowance = rate_limit.count(credential)
        note(http, allowance=allowance, ends_at=credential.expires_at)
        if allowance is not None and allowance.is_exceeded:
            note(http, refusal=Outcome.RATE_LIMITED)
            raise KeyRefused(Outcome.RATE_LIMITED)
        return owner_of(credential), credential

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


def genuine(raw: str) -> Credential:
    """Return the credential that ``raw`` proves; raise ``NotGenuine`` if there is none."""
    try:
        key_id = keyformat.parse(raw).key_id
    except keyformat.Malformed as malformed:
        raise NotGenuine(Outcome.MALFORMED) from malformed
    credential = lookup(key_id)
    if credential is None:
        raise NotGenuine(Outcome.UNKNOWN, key_id)
    if not credential.is_proved_by(raw):
        raise NotGenuine(Outcome.WRONG_SECRET, key_id)
    if not credential.owner_is_active:
        raise NotGenuine(Outcome.INACTIVE_OWNER, key_id)
    return credential


def owner_of(credential: Credential) -> User:
    """Return the owner with only the id loaded; other columns are fetched when a view reads them.

    Equivalent to ``User.from_db`` without its loop over every column, which would take a tenth of the
    time of an authentication.
    """
    owner = User.__new__(User)
    owner.__dict__ = {"id": credential.owner_id, "_state": ModelState()}
    owner._state.adding = False
    return owner
