"""Two-factor authentication and sessions in the admin, without anything that lets someone sign in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.http import HttpRequest

from apikeys.pages.times import moment_of

if TYPE_CHECKING:
    AuthenticatorBase = admin.ModelAdmin[Authenticator]
    SessionBase = admin.ModelAdmin[UserSession]
else:
    AuthenticatorBase = SessionBase = admin.ModelAdmin

admin.site.unregister([Authenticator, UserSession])


@admin.register(Authenticator)
class AuthenticatorAdmin(AuthenticatorBase):
    """Operators can delete one for a user who has lost both device and recovery codes."""

    created, last_used = moment_of("created_at"), moment_of("last_used_at")
    fields = readonly_fields = list_display = ("user", "type", "created", "last_used")
    list_filter = ("type",)
    search_fields = ("user__username", "user__email")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Authenticator | None = None) -> bool:
        return False


@admin.register(UserSession)
class SessionAdmin(SessionBase):
    """Operators can delete a session, which signs that browser out."""

    created, last_seen = moment_of("created_at"), moment_of("last_seen_at")
    fields = readonly_fields = list_display = ("user", "created", "last_seen", "ip", "user_agent")
    search_fields = ("user__username", "user__email", "=ip")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: UserSession | None = None) -> bool:
        return False
