"""Keys for operators: to look at, to narrow, to revoke; never to make, to read or to bring back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator

from apikeys.core.keyformat import redact
from apikeys.models import APIKey, KeyEnded, KeyState
from apikeys.pages.display import described, in_full, isolated
from apikeys.pages.forms import KeyRules, permission_field

if TYPE_CHECKING:
    KeyAdminBase = admin.ModelAdmin[APIKey]
    KeyFormBase = forms.ModelForm[APIKey]
else:
    KeyAdminBase, KeyFormBase = admin.ModelAdmin, forms.ModelForm

EDITABLE = ("name", "permissions", "allowed_networks")
GOES_WITH_ITS_OWNER = {"auth_user_delete", "auth_user_changelist"}
"""Pages of the admin that may delete keys: those that delete users."""


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state, state.label) for state in KeyState]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        state = self.value()
        if state not in set(KeyState):
            return queryset
        return queryset.in_state(KeyState(state), timezone.now())


class KeyAdminForm(KeyRules, KeyFormBase):
    permissions = permission_field()

    class Meta:
        model = APIKey
        fields = EDITABLE

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["permissions"] = self.instance.granted.names


@admin.register(APIKey)
class APIKeyAdmin(KeyAdminBase):
    form = KeyAdminForm
    actions = ("revoke_selected",)
    list_display = ("short_name", "owner", "masked_id", "permission_names", "last_used_at", "current_state")
    list_filter = (StateFilter,)
    list_select_related = ("owner",)
    search_fields = ("=key_id", "name", "owner__username")
    ordering = ("-created_at", "-id")
    readonly_fields = (
        "owner",
        "masked_id",
        "current_state",
        "created_at",
        "created_by",
        "expires_at",
        "revoked_at",
        "revoked_by",
        "last_used_at",
        "last_used_ip",
        "last_used_user_agent",
        "last_used_method",
        "last_used_route",
        "activity",
    )
    fields = (*EDITABLE, *readonly_fields)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """List keys; of a whole key that is searched for, no link on the page has the secret."""
        query = request.GET.copy()
        if "q" in query:
            query["q"] = redact(query.get("q", ""))
        request.GET = query  # type: ignore[assignment]  # Django's own type is of what cannot be changed
        return super().changelist_view(request, extra_context)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[APIKey], search_term: str
    ) -> tuple[Any, bool]:
        """Find, beside what Django does, a key by its id as lists show it."""
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        listed: Any = queryset
        return found | listed.matching(search_term), may_repeat

    @admin.display(description="name", ordering="name")
    def short_name(self, key: APIKey) -> str:
        return Truncator(isolated(key.name)).chars(40)

    @admin.display(description="ID", ordering="key_id")
    def masked_id(self, key: APIKey) -> str:
        return key.masked

    @admin.display(description="permissions")
    def permission_names(self, key: APIKey) -> str:
        return key.granted.label

    @admin.display(description="state")
    def current_state(self, key: APIKey) -> str:
        return key.state(timezone.now()).label

    @admin.display
    def activity(self, key: APIKey) -> SafeString:
        """Return who did what, the latest first."""
        events = key.events.all()
        lines = (
            (
                in_full(event.at),
                event.get_action_display(),
                event.actor_name or "an operator",
                described(event),
            )
            for event in events
        )
        return format_html_join(mark_safe("<br>"), "{}: {} by {} {}", lines)

    @admin.action(description="Revoke selected keys", permissions=["change"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[APIKey]) -> None:
        now = timezone.now()
        stopped = sum(key.revoke(by=_operator(request), now=now) for key in queryset)
        self.message_user(
            request, f"{stopped} {'key was' if stopped == 1 else 'keys were'} revoked.", messages.SUCCESS
        )

    def save_model(self, request: HttpRequest, obj: APIKey, form: Any, change: bool) -> None:
        """Apply what was edited through the key's own verb, to the row as it is now."""
        values = {name: form.cleaned_data[name] for name in EDITABLE}
        try:
            APIKey.objects.get(pk=obj.pk).change(by=_operator(request), now=timezone.now(), **values)
        except KeyEnded as error:
            raise PermissionDenied from error

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allow no filter but the list's own: any other could guess at what is stored, bit by bit."""
        return lookup == StateFilter.parameter_name

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: APIKey | None = None) -> bool:
        """A revoked key stays as it is."""
        if obj is not None and obj.revoked_at is not None:
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: APIKey | None = None) -> bool:
        match = request.resolver_match
        if match is None or match.url_name not in GOES_WITH_ITS_OWNER:
            return False
        return super().has_delete_permission(request, obj)


def _operator(request: HttpRequest) -> Any:
    return request.user
