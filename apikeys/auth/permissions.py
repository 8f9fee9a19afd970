"""Checks that a key has the required permission; refuses methods that the view doesn't name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from apikeys.auth.authentication import CHALLENGE, KeyRequired
from apikeys.auth.requests import note
from apikeys.core.outcomes import Outcome
from apikeys.models import Permission
from wizchat.api import catalogue
from wizchat.api.errors import APIError

if TYPE_CHECKING:
    from rest_framework.views import APIView  # imports this module itself

ADMIN = Permission.ADMIN.value  # an int, as in the row: comparing flags takes twice as long


class LacksPermission(APIError):
    """The key is good, but it lacks ``permission``."""

    def __init__(self, permission: Permission) -> None:
        name = permission.names[0]
        super().__init__(
            catalogue.LACKS_PERMISSION,
            catalogue.LACKS_MESSAGE.format(permission=name),
            headers={"WWW-Authenticate": f'{CHALLENGE}, error="insufficient_scope", scope="{name}"'},
        )


class HasKeyPermission(BasePermission):
    """Requires the permission that the view's ``required_permissions`` gives for the request's method.

    ``Permission(0)`` admits any valid key.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        credential: Any = request.auth
        if credential is None:
            raise KeyRequired
        http = request._request  # not DRF's wrapper: see APIKeyAuthentication
        method = "GET" if http.method == "HEAD" else http.method
        required: dict[str | None, Permission] = getattr(view, "required_permissions", {})
        if method not in required:
            raise MethodNotAllowed(str(method))
        needed = required[method].value
        note(http, needed=needed)
        if needed and not credential.permissions & (needed | ADMIN):
            note(http, refusal=Outcome.PERMISSION)
            raise LacksPermission(required[method])
        return True
