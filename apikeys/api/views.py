"""``/v1/key`` and ``/v1/keys``. A key sees what its owner owns, and grants no more than it has."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request

from apikeys.api import idempotency, queries
from apikeys.api import operations as described
from apikeys.api.serializers import (
    CallerSerializer,
    ChangeSerializer,
    CreateSerializer,
    KeySerializer,
    NewKeySerializer,
    RotateSerializer,
)
from apikeys.auth.authentication import KeyRefused, OwnerRequest
from apikeys.auth.requests import client_ip, note
from apikeys.core import keyformat
from apikeys.core.outcomes import COUNTED, Outcome
from apikeys.models import (
    AlreadyIssued,
    AlreadyRotated,
    APIKey,
    APIKeyQuerySet,
    Escalation,
    KeyEnded,
    Origin,
    Permission,
    RotationSetsExpiry,
)
from apikeys.usage import reports
from wizchat.api import catalogue
from wizchat.api.errors import APIError
from wizchat.api.pagination import NewestFirst
from wizchat.api.responses import json_response, no_content
from wizchat.api.views import Endpoint

ROTATION_SETS_EXPIRY = (
    "The rotation sets when this key expires. To stop the key sooner, revoke it. To keep it, cancel the "
    "rotation in Settings > API."
)


class KeyView(Endpoint[APIKey]):
    """Loads the key that the URL names, and translates the models' exceptions."""

    request: OwnerRequest
    key: APIKey

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Find the key after checking the caller's permission and before reading the body."""
        super().initial(request, *args, **kwargs)
        if "key_id" in kwargs:
            self.key = get_object_or_404(self.get_queryset(), key_id=kwargs["key_id"])

    def get_queryset(self) -> APIKeyQuerySet:
        return self.request.user.api_keys.with_rotations().select_related("created_by_key")

    @cached_property
    def now(self) -> datetime:
        return timezone.now()

    @cached_property
    def caller(self) -> APIKey:
        """Return the caller's key in its current state."""
        caller = self.get_queryset().filter(pk=self.request.auth.id).first()
        if caller is None:  # just deleted, with its owner
            raise KeyRefused(Outcome.INACTIVE_OWNER)
        return caller

    @property
    def client_ip(self) -> str:
        return str(client_ip(self.request._request.META) or "")

    @property
    def origin(self) -> Origin:
        return Origin(ip=self.client_ip, key=self.caller)

    def answer(self, key: APIKey) -> HttpResponse:
        return json_response(KeySerializer(key, context={"now": self.now}).data)

    @sensitive_variables("raw")
    def reveal(self, key: APIKey, raw: str) -> HttpResponse:
        """Respond with a new key: the only response that ever contains it."""
        made = self.get_queryset().get(pk=key.pk)
        body = NewKeySerializer(made, context={"now": self.now, "key": raw}).data
        return json_response(body, 201, {"Location": location(key)})

    def form_token(self) -> str | None:
        """Return the form token for ``Idempotency-Key``; raise ``AlreadyIssued`` if it has created a key."""
        token = idempotency.form_token(self.request._request, self.caller)
        if token is not None:
            idempotency.forget(self.now - idempotency.REMEMBERED, form_token=token)
            APIKey.objects.refuse_used_token(self.request.user, token)
        return token

    def note_own_expiry(self) -> None:
        """Let the response say when the caller's key ends, if this request has changed that."""
        if self.key.pk == self.request.auth.id:
            stored = APIKey.objects.filter(pk=self.key.pk)
            note(self.request._request, ends_at=stored.values_list("expires_at", flat=True).first())

    def translated(self, exc: Exception) -> Exception:
        match exc:
            case AlreadyIssued():
                return APIError(catalogue.ALREADY_CREATED, headers={"Location": location(exc.key)})
            case AlreadyRotated():
                return APIError(catalogue.ALREADY_ROTATED, headers={"Location": location(exc.successor)})
            case Escalation():
                return APIError(catalogue.ESCALATION)
            case KeyEnded():
                return APIError(catalogue.KEY_ENDED)
            case RotationSetsExpiry():
                return ValidationError({"expires_at": [ROTATION_SETS_EXPIRY]})
            case APIKey.DoesNotExist():  # another request has deleted it
                return NotFound()
        return exc


class CurrentKey(KeyView):
    """The caller's key."""

    required_permissions = {"GET": Permission(0), "DELETE": Permission(0)}
    operations = described.CURRENT_KEY

    def get(self, request: Request) -> HttpResponse:
        context = {"now": self.now, "client_ip": self.client_ip or None}
        return json_response(CallerSerializer(self.caller, context=context).data)

    def delete(self, request: Request) -> HttpResponse:
        self.caller.revoke(by=self.request.user, now=self.now, origin=self.origin)
        return no_content()


class KeyPages(NewestFirst):
    """Pages of keys; links keep the requested state."""

    id_field = "key_id"
    id_pattern = keyformat.ID_PATTERN
    kept = ("state",)


class KeyList(KeyView):
    required_permissions = {"GET": Permission.ADMIN, "POST": Permission.ADMIN}
    operations = described.KEY_LIST
    pagination_class = KeyPages

    def get(self, request: Request) -> HttpResponse:
        keys = self.get_queryset()
        state = queries.state(request)
        if state is not None:
            keys = keys.in_state(state, self.now)
        page = self.paginate_queryset(keys)
        return self.get_paginated_response(KeySerializer(page, many=True, context={"now": self.now}).data)

    @sensitive_variables("raw")
    def post(self, request: Request) -> HttpResponse:
        token = self.form_token()
        serializer = CreateSerializer(data=request.data, context={"now": self.now, "caller": self.caller})
        serializer.is_valid(raise_exception=True)
        key, raw = APIKey.objects.issue(
            owner=self.request.user,
            by=self.request.user,
            now=self.now,
            form_token=token,
            origin=self.origin,
            **serializer.values,
        )
        return self.reveal(key, raw)


class KeyDetail(KeyView):
    required_permissions = {"GET": Permission.ADMIN, "PATCH": Permission.ADMIN, "DELETE": Permission.ADMIN}
    operations = described.KEY_DETAIL

    def get(self, request: Request, key_id: str) -> HttpResponse:
        return self.answer(self.key)

    def patch(self, request: Request, key_id: str) -> HttpResponse:
        if self.key.is_ended(self.now):
            raise KeyEnded
        serializer = ChangeSerializer(self.key, request.data, partial=True, context={"now": self.now})
        serializer.is_valid(raise_exception=True)
        self.key.change(by=self.request.user, now=self.now, origin=self.origin, **serializer.values)
        self.note_own_expiry()
        return self.answer(self.key)

    def delete(self, request: Request, key_id: str) -> HttpResponse:
        revoke = self.key.revoke_with_descendants if queries.cascade(request) else self.key.revoke
        revoke(by=self.request.user, now=self.now, origin=self.origin)
        return no_content()


class KeyRotate(KeyView):
    required_permissions = {"POST": Permission.ADMIN}
    operations = described.KEY_ROTATE

    @sensitive_variables("raw")
    def post(self, request: Request, key_id: str) -> HttpResponse:
        token = self.form_token()
        self.key.refuse_rotation(self.now)
        serializer = RotateSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        key, raw = self.key.rotate(
            by=self.request.user,
            now=self.now,
            overlap=serializer.overlap,
            form_token=token,
            origin=self.origin,
        )
        self.note_own_expiry()
        return self.reveal(key, raw)


class KeyUsageReport(KeyView):
    required_permissions = {"GET": Permission.ADMIN}
    operations = described.KEY_USAGE

    def get(self, request: Request, key_id: str) -> HttpResponse:
        days = reports.daily(self.key, self.now, queries.days(request))
        return json_response({"days": [usage_of(day) for day in days]})


def usage_of(day: reports.Day) -> dict[str, Any]:
    """Return one day's calls; every outcome is present, so that clients need no default."""
    outcomes = {outcome.value: day.outcomes[outcome] for outcome in COUNTED}
    return {"date": day.date, "total": day.total, "outcomes": outcomes}


def location(key: APIKey) -> str:
    return f"/v1/keys/{key.key_id}"
