"""Users for operators, with their keys: closing an account shows which of them are in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.auth.models import Group, User
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from apikeys.pages.display import isolated
from apikeys.pages.stale import StaleFormMixin
from apikeys.pages.times import moment, moment_of
from apikeys.usage import reports

if TYPE_CHECKING:
    AccountAdminBase = UserAdmin[User]
    AccountFormBase = UserChangeForm[User]
else:  # Django's classes aren't generic at run time
    AccountAdminBase, AccountFormBase = UserAdmin, UserChangeForm


class AccountForm(StaleFormMixin, AccountFormBase):
    """Keeps the current value of each unedited field, so that a stale page can't reopen a closed account."""

    tracked = (
        "username",
        "first_name",
        "last_name",
        "email",
        "is_active",
        "is_staff",
        "is_superuser",
        "groups",
        "user_permissions",
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean()
        kept = {name for name in self.tracked if name in cleaned and not self.is_changed(name)}
        return cleaned | {name: self[name].initial for name in kept}


admin.site.unregister([User, Group])


@admin.register(Group)
class PlainGroupAdmin(GroupAdmin):
    # Plain lists here and below: the split widgets have no labels of their own.
    filter_horizontal = ()


@admin.register(User)
class AccountAdmin(AccountAdminBase):
    form = AccountForm
    filter_horizontal = ()
    last_sign_in, joined = moment_of("last_login"), moment_of("date_joined")
    readonly_fields = ("last_sign_in", "joined", "api_keys")
    delete_confirmation_template = "admin/apikeys/close_account.html"

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Show the dates and the keys of an existing user."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None:
            return fieldsets
        dates = ("Important dates", {"fields": ("last_sign_in", "joined")})
        return (*fieldsets[:-1], dates, ("API keys", {"fields": ("api_keys",)}))

    @admin.display(description="API keys")
    def api_keys(self, user: User) -> SafeString | str:
        """Return a line for each key: name, id, state, last use, and calls in the last 24 hours."""
        now = timezone.now()
        keys = list(user.api_keys.live_first(now))
        calls = reports.calls_in_last_24_hours(keys, now)
        lines = (
            (
                reverse("admin:apikeys_apikey_change", args=[key.pk]),
                isolated(key.name),
                key.masked,
                key.state(now).label,
                format_html("last used {}", moment(key.last_used_at)) if key.last_used_at else "never used",
                _calls(calls.get(key.pk, 0)),
            )
            for key in keys
        )
        line = '<a href="{}">{}</a> ({}): {}, {}, {} in the last 24 hours'
        return format_html_join(mark_safe("<br>"), line, lines) or "None"

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and form.overtaken:
            self.message_user(request, form.overtaken, messages.WARNING)
        if change and "is_active" in form.changed_data and not obj.is_active:
            in_use = keys_in_use(obj)
            text = f"The API keys of {obj.get_username()} have stopped working."
            if in_use:
                text += f" Used in the last 24 hours: {', '.join(in_use)}."
            self.message_user(request, text, messages.WARNING)

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
        f"{isolated(key.name)} ({key.masked}, {_calls(calls[key.pk])})" for key in keys if calls.get(key.pk)
    ]


def _calls(count: int) -> str:
    return f"{count:,} {'call' if count == 1 else 'calls'}"
