"""What operators see of two-factor authentication and sessions: nothing that lets anyone sign in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.http import HttpRequest

if TYPE_CHECKING:
    AuthenticatorBase = admin.ModelAdmin[Authenticator]
    SessionBase = admin.ModelAdmin[UserSession]
else:
    AuthenticatorBase = SessionBase = admin.ModelAdmin

admin.site.unregister([Authenticator, UserSession])


@admin.register(Authenticator)
class AuthenticatorAdmin(AuthenticatorBase):
    """Can be deleted, for someone who has lost their device and their recovery codes."""

    fields = readonly_fields = ("user", "type", "created_at", "last_used_at")
    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    search_fields = ("user__username", "user__email")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Authenticator | None = None) -> bool:
        return False


@admin.register(UserSession)
class SessionAdmin(SessionBase):
    """Can be deleted, which signs that browser out."""

    fields = readonly_fields = ("user", "created_at", "last_seen_at", "ip", "user_agent")
    list_display = ("user", "created_at", "last_seen_at", "ip", "user_agent")
    search_fields = ("user__username", "user__email", "=ip")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: UserSession | None = None) -> bool:
        return False
