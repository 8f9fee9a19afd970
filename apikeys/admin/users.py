"""Users for operators, with their keys: closing an account shows which of them are in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apikeys.models import APIKey
from apikeys.pages.display import isolated
from apikeys.templatetags.keys import moment
from apikeys.usage import reports

if TYPE_CHECKING:
    KeysBase = admin.TabularInline[APIKey, User]
    AccountAdminBase = UserAdmin[User]
else:  # Django's own classes take no type
    KeysBase, AccountAdminBase = admin.TabularInline, UserAdmin


class KeysOfUser(KeysBase):
    model = APIKey
    fk_name = "owner"
    fields = readonly_fields = ("key_link", "state", "last_used", "calls")
    can_delete = False
    max_num = 0
    verbose_name_plural = "API keys"

    def get_queryset(self, request: HttpRequest) -> Any:
        queryset: Any = super().get_queryset(request)
        keys = queryset.live_first(timezone.now())
        self._calls = reports.calls_in_last_24_hours(keys, timezone.now())
        return keys

    @admin.display(description="key")
    def key_link(self, key: APIKey) -> SafeString:
        url = reverse("admin:apikeys_apikey_change", args=[key.pk])
        return format_html('<a href="{}">{}</a> ({})', url, isolated(key.name), key.masked)

    @admin.display
    def state(self, key: APIKey) -> str:
        return key.state(timezone.now()).label

    @admin.display(description="last used")
    def last_used(self, key: APIKey) -> str:
        return moment(key.last_used_at) if key.last_used_at else "Never"

    @admin.display(description="calls in the last 24 hours")
    def calls(self, key: APIKey) -> int:
        return self._calls.get(key.pk, 0)

    def has_add_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False


admin.site.unregister(User)


@admin.register(User)
class AccountAdmin(AccountAdminBase):
    inlines = (KeysOfUser,)
    delete_confirmation_template = "admin/apikeys/close_account.html"

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and "is_active" in form.changed_data and not obj.is_active:
            in_use = keys_in_use(obj)
            said = f"The keys of {obj.get_username()} have stopped working."
            if in_use:
                said += f" In use in the last 24 hours: {', '.join(in_use)}."
            self.message_user(request, said, messages.WARNING)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        user = self.get_object(request, object_id)
        context = {"in_use": keys_in_use(user) if user else []}
        response: HttpResponse = super().delete_view(request, object_id, (extra_context or {}) | context)
        return response


def keys_in_use(user: User) -> list[str]:
    """Return the names, ids and calls of the keys of ``user`` that were used in the last 24 hours."""
    now = timezone.now()
    keys = list(user.api_keys.live(now))
    calls = reports.calls_in_last_24_hours(keys, now)
    return [
        f"{isolated(key.name)} ({key.masked}, {calls[key.pk]:,} calls)" for key in keys if calls.get(key.pk)
    ]
