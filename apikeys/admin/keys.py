"""Keys for operators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator

from apikeys.admin.filters import LISTED, PermissionFilter, StateFilter, UseFilter
from apikeys.core.batches import batches
from apikeys.core.rates import InvalidRate, parse_rate
from apikeys.models import APIKey, KeyEnded
from apikeys.pages.display import actor, described_in_html, isolated
from apikeys.pages.forms import KeyForm
from apikeys.pages.requests import origin
from apikeys.pages.stale import StaleFormMixin
from apikeys.pages.times import ago, moment
from apikeys.usage import reports

if TYPE_CHECKING:
    KeyAdminBase = admin.ModelAdmin[APIKey]
    KeyFormBase = forms.ModelForm[APIKey]
else:
    KeyAdminBase, KeyFormBase = admin.ModelAdmin, forms.ModelForm

EDITABLE = ("name", "permissions", "allowed_networks", "rate_limit")
GOES_WITH_ITS_OWNER = {"auth_user_delete", "auth_user_changelist"}
"""The only admin pages that may delete keys: those that delete users."""


class KeyAdminForm(StaleFormMixin, KeyFormBase, KeyForm):
    tracked = EDITABLE

    class Meta:
        model = APIKey
        fields = EDITABLE
        labels = {"rate_limit": "Rate limit"}
        help_texts = {"rate_limit": "For example 5/minute, or off. Leave empty to use the default limit."}

    def __init__(self, *args: Any, instance: APIKey, **kwargs: Any) -> None:
        super().__init__(*args, instance=instance, initial={"permissions": instance.granted.names}, **kwargs)

    def clean_rate_limit(self) -> str:
        text: str = self.cleaned_data["rate_limit"].strip().lower()
        if not text:
            return ""
        try:
            return str(parse_rate(text) or "off")
        except InvalidRate as error:
            raise forms.ValidationError(str(error)) from error


@admin.register(APIKey)
class APIKeyAdmin(KeyAdminBase):
    form = KeyAdminForm
    actions = ("revoke_selected",)
    change_form_template = "admin/apikeys/change_key.html"
    list_display = ("named", "owner", "permission_labels", "current_state", "used")
    list_filter = (StateFilter, PermissionFilter, UseFilter)
    search_fields = ("=key_id", "name", "owner__username", "owner__email", "=last_used_ip")
    ordering = ("-created_at", "-id")
    readonly_fields = (
        "owner",
        "masked_id",
        "permission_labels",
        "current_state",
        "created",
        "created_by",
        "expires",
        "revoked",
        "revoked_by",
        "rotation_links",
        "last_used",
        "last_call",
        "calls",
        "refusals",
        "activity",
    )
    fields = (*EDITABLE, *(name for name in readonly_fields if name != "permission_labels"))

    def get_fields(self, request: HttpRequest, obj: APIKey | None = None) -> Any:
        """Show permissions in words if the key can't be changed."""
        if self.has_change_permission(request, obj):
            return self.fields
        return ["permission_labels" if name == "permissions" else name for name in self.fields or ()]

    def get_queryset(self, request: HttpRequest) -> Any:
        queryset: Any = super().get_queryset(request)
        return queryset.select_related("owner").with_rotations()

    def get_urls(self) -> list[URLPattern]:
        revoke = path(
            "<path:object_id>/revoke/",
            self.admin_site.admin_view(self.revoke_view),
            name="apikeys_apikey_revoke",
        )
        return [revoke, *super().get_urls()]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Lock the key before a form is checked, so that nothing changes it before it's saved."""
        if request.method != "POST" or object_id is None:
            return super().changeform_view(request, object_id, form_url, extra_context)
        with transaction.atomic():
            APIKey.objects.select_for_update().filter(pk=_number(unquote(object_id))).first()
            return super().changeform_view(request, object_id, form_url, extra_context)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[APIKey], search_term: str
    ) -> tuple[Any, bool]:
        """Also find a key by its masked id."""
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        listed: Any = queryset
        return found | listed.matching(search_term), may_repeat

    @admin.display(description="name", ordering="name")
    def named(self, key: APIKey) -> SafeString:
        name = Truncator(isolated(key.name)).chars(40)
        return format_html('{}<br><span class="id">{}</span>', name, key.masked)

    @admin.display(description="ID", ordering="key_id")
    def masked_id(self, key: APIKey) -> str:
        return key.masked

    @admin.display(description="permissions", ordering="permissions")
    def permission_labels(self, key: APIKey) -> str:
        return key.granted.label

    @admin.display(description="status")
    def current_state(self, key: APIKey) -> str:
        return key.state(timezone.now()).label

    @admin.display(ordering="created_at")
    def created(self, key: APIKey) -> str:
        return moment(key.created_at)

    @admin.display(ordering="expires_at")
    def expires(self, key: APIKey) -> str:
        return moment(key.expires_at) if key.expires_at else "Never"

    @admin.display
    def revoked(self, key: APIKey) -> str:
        return moment(key.revoked_at) if key.revoked_at else "No"

    @admin.display(description="last used", ordering="last_used_at")
    def last_used(self, key: APIKey) -> str:
        return moment(key.last_used_at) if key.last_used_at else "Never"

    @admin.display(description="last used", ordering="last_used_at")
    def used(self, key: APIKey) -> str:
        return ago(key.last_used_at, timezone.now()) if key.last_used_at else "Never"

    @admin.display(description="last call")
    def last_call(self, key: APIKey) -> str:
        parts = (
            key.last_used_ip,
            f"{key.last_used_method} {key.last_used_route}".strip(),
            key.last_used_user_agent,
        )
        return ", ".join(part for part in parts if part) or "–"

    @admin.display(description="calls in the last 24 hours")
    def calls(self, key: APIKey) -> str:
        callers = reports.recent_callers(key, timezone.now())
        addresses = ", ".join(
            f"{address or 'unknown'} ({calls:,})" for address, calls in callers.addresses[:10]
        )
        return f"{callers.calls:,}" + (f", from {addresses}" if addresses else "")

    @admin.display(description="refused in the last 30 days")
    def refusals(self, key: APIKey) -> SafeString | str:
        lines = (
            (refusal.reason, refusal.address or "unknown", f"{refusal.calls:,}", moment(refusal.last_at))
            for refusal in reports.refused(key, timezone.now())
        )
        return format_html_join(mark_safe("<br>"), "{}, from {}: {}, last on {}", lines) or "None"

    @admin.display(description="rotation")
    def rotation_links(self, key: APIKey) -> SafeString | str:
        words = (("Replaces", key.predecessor), ("Replaced by", key.successor))
        links = (
            (word, reverse("admin:apikeys_apikey_change", args=[other.pk]), other.masked)
            for word, other in words
            if other is not None
        )
        return format_html_join(mark_safe("<br>"), '{} <a href="{}">{}</a>', links) or "Not rotated"

    @admin.display
    def activity(self, key: APIKey) -> SafeString:
        """Return who did what, the latest first."""
        lines = (
            (
                moment(event.at),
                event.get_action_display(),
                actor(event),
                described_in_html(event),
            )
            for event in key.events.all()[:100]
        )
        return format_html_join(mark_safe("<br>"), "{}: {} by {} {}", lines)

    @admin.action(description="Revoke selected keys…", permissions=["change"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[APIKey]) -> HttpResponse | None:
        if "confirmed" not in request.POST:
            return self.confirmation(request, queryset)
        keys: Any = queryset
        by, now, where = _operator(request), timezone.now(), origin(request)
        with transaction.atomic():
            confirmed = (keys.filter(pk__in=batch) for batch in batches(sorted(_confirmed(request))))
            stopped = sum(some.revoke(by=by, now=now, origin=where) for some in confirmed)
        self.message_user(
            request, f"{stopped} {'key was' if stopped == 1 else 'keys were'} revoked.", messages.SUCCESS
        )
        return None

    def revoke_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Revoke one key, from its page."""
        key = get_object_or_404(APIKey, pk=_number(unquote(object_id)))
        if not super().has_change_permission(request, key):
            raise PermissionDenied
        page = reverse("admin:apikeys_apikey_change", args=[key.pk])
        if request.method != "POST" and key.revoked_at is None:
            return self.confirmation(request, APIKey.objects.filter(pk=key.pk), back=page)
        if request.method == "POST":
            stopped = key.revoke(by=_operator(request), now=timezone.now(), origin=origin(request))
            outcome = "was revoked" if stopped else "had already been revoked"
            self.message_user(request, f"{isolated(key.name)} {outcome}.", messages.SUCCESS)
        return HttpResponseRedirect(page)

    def confirmation(self, request: HttpRequest, queryset: Any, back: str = "") -> HttpResponse:
        """Ask before revoking keys, and show how they are used."""
        now = timezone.now()
        keys = list(queryset.select_related("owner"))
        calls = reports.calls_in_last_24_hours(keys, now)
        context = {
            **self.admin_site.each_context(request),
            "title": "Revoke 1 key?" if len(keys) == 1 else f"Revoke {len(keys)} keys?",
            "opts": self.opts,
            "keys": [(key, key.state(now).label, calls.get(key.pk, 0)) for key in keys],
            "some_live": any(key.is_live(now) for key in keys),
            "selected": ",".join(str(key.pk) for key in keys),
            "back": back,
        }
        return TemplateResponse(request, "admin/apikeys/revoke_keys.html", context)

    def save_model(self, request: HttpRequest, obj: APIKey, form: Any, change: bool) -> None:
        """Apply only what was edited, through the key's own verb, to the current row."""
        key = APIKey.objects.get(pk=obj.pk)
        try:
            key.change(by=_operator(request), now=timezone.now(), origin=origin(request), **form.changes)
        except KeyEnded as error:
            raise PermissionDenied from error
        if form.overtaken:
            self.message_user(request, form.overtaken, messages.WARNING)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup in LISTED

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: APIKey | None = None) -> bool:
        """Refuse changes to a key that has ended."""
        if obj is not None and obj.is_ended(timezone.now()):
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: APIKey | None = None) -> bool:
        match = request.resolver_match
        if match is None or match.url_name not in GOES_WITH_ITS_OWNER:
            return False
        return super().has_delete_permission(request, obj)


def _operator(request: HttpRequest) -> Any:
    return request.user


def _confirmed(request: HttpRequest) -> list[int]:
    """Return the ids from the confirmation page: one field, because Django takes no more than a thousand."""
    ids = ",".join(request.POST.getlist(ACTION_CHECKBOX_NAME)).split(",")
    return [_number(pk) for pk in ids]


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 19 else 0
