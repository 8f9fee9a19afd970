"""May this key do this? A method that a view does not name is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.exceptions import MethodNotAllowed, NotAuthenticated, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from apikeys.auth import refusals
from apikeys.models import Permission

if TYPE_CHECKING:
    from rest_framework.views import APIView  # imports this module itself


class LacksPermission(PermissionDenied):
    """The key is good, but not for this; ``permission`` is what it would take."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission.names[0]
        super().__init__(f'This API key lacks the "{self.permission}" permission')


class HasKeyPermission(BasePermission):
    """Grants what the view's ``required_permissions`` (method → ``Permission``) asks for."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        credential: Any = request.auth
        if credential is None:
            raise NotAuthenticated
        method = "GET" if request.method == "HEAD" else request.method
        required: dict[str | None, Any] = getattr(view, "required_permissions", {})
        if method not in required:
            raise MethodNotAllowed(str(method))
        if not credential.permissions & (required[method] | Permission.ADMIN):
            refusals.note(request._request, "permission", credential.key_id)
            raise LacksPermission(required[method])
        return True
