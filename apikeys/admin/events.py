"""The audit log: everything that happened to every key. Read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from apikeys.core import keyformat
from apikeys.models import KeyEvent
from apikeys.pages.display import actor, described_in_html, isolated
from apikeys.pages.times import moment

if TYPE_CHECKING:
    EventAdminBase = admin.ModelAdmin[KeyEvent]
else:  # Django's class isn't generic at run time
    EventAdminBase = admin.ModelAdmin


@admin.register(KeyEvent)
class KeyEventAdmin(EventAdminBase):
    list_display = ("when", "actor_shown", "key_and_owner", "what", "ip")
    list_filter = ("action", "actor_kind")
    list_select_related = ("key__owner",)
    search_fields = ("=key__key_id", "key__name", "key__owner__username", "actor_name", "=ip")
    ordering = ("-at", "-id")
    show_full_result_count = False
    fields = readonly_fields = ("when", "actor_shown", "owner", "key_shown", "what_in_full", "ip")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Also find a key's events by its masked id."""
        return super().get_search_results(request, queryset, keyformat.bare_id(search_term))

    @admin.display(description="time", ordering="at")
    def when(self, event: KeyEvent) -> str:
        return moment(event.at)

    @admin.display(description="actor", ordering="actor_name")
    def actor_shown(self, event: KeyEvent) -> str:
        return actor(event)

    @admin.display(ordering="key__owner__username")
    def owner(self, event: KeyEvent) -> str:
        return event.key.owner.get_username()

    @admin.display(description="key", ordering="key__name")
    def key_and_owner(self, event: KeyEvent) -> SafeString:
        name = Truncator(isolated(event.key.name)).chars(40)
        return format_html(
            '{}<br><span class="id">{}</span><br>owned by {}', name, event.key.masked, self.owner(event)
        )

    @admin.display(description="key", ordering="key__name")
    def key_shown(self, event: KeyEvent) -> str:
        return f"{isolated(event.key.name)} ({event.key.masked})"

    @admin.display(ordering="action")
    def what(self, event: KeyEvent) -> str:
        return _what(event, described_in_html(event))

    @admin.display(description="what")
    def what_in_full(self, event: KeyEvent) -> str:
        return _what(event, described_in_html(event, addresses=None))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup.partition("__")[0] in self.list_filter and "__" not in lookup.replace("__exact", "")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: KeyEvent | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: KeyEvent | None = None) -> bool:
        """Allow it only as part of deleting users: their keys and events go with them."""
        match = request.resolver_match
        return bool(match and match.url_name in {"auth_user_delete", "auth_user_changelist"})


def _what(event: KeyEvent, changes: SafeString) -> str:
    action = event.get_action_display()
    return format_html("{}: {}", action, changes) if changes else action
