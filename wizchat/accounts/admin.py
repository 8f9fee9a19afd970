"""What operators see of two-factor authentication: that someone has it, never what makes a code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.http import HttpRequest

if TYPE_CHECKING:
    AuthenticatorBase = admin.ModelAdmin[Authenticator]
else:
    AuthenticatorBase = admin.ModelAdmin

admin.site.unregister(Authenticator)


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
