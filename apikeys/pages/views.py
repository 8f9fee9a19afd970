"""Settings > API: the list of keys, and the pages that create one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.contrib.messages import get_messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from apikeys.auth.requests import client_ip
from apikeys.models import (
    AlreadyIssued,
    AlreadyRotated,
    APIKey,
    APIKeyQuerySet,
    KeyEnded,
    KeyState,
    Rotation,
)
from apikeys.pages import advice
from apikeys.pages.filters import FilterForm, redirect_to_id
from apikeys.pages.forms import NewKeyForm, RotateForm, prefill
from apikeys.pages.requests import SignedInRequest, came_from, origin
from apikeys.usage import reports
from wizchat.accounts.reauthentication import key_issuer_required, typed_before

PAGE_SIZE = 25
FILTER_FROM = 11
"""Number of keys from which on the list can be filtered."""


@require_safe
@login_required
@never_cache
def key_list(request: SignedInRequest) -> HttpResponse:
    if elsewhere := redirect_to_id(request, "q"):
        return elsewhere
    query = request.GET.copy()
    now = timezone.now()
    filters = FilterForm(query)
    total = request.user.api_keys.count()
    keys_of_owner = request.user.api_keys.with_rotations().live_first(now)
    number = request.GET.get("page", "")
    for name in [name for name in query if name == "page" or not query[name]]:
        del query[name]
    page = Paginator(filtered(keys_of_owner, filters, now), PAGE_SIZE).get_page(number)
    keys = list(page)
    days = reports.last_day(keys, now)
    # A message about a key appears in the key's row, if the page shows it.
    messages = list(get_messages(request))
    by_key = {message.extra_tags: message for message in messages}
    rows = [(key, days[key.pk], by_key.get(key.key_id)) for key in keys]
    listed = {key.key_id for key in keys}
    context = {
        "page": page,
        "rows": rows,
        "messages": [message for message in messages if message.extra_tags not in listed],
        "total": total,
        "filterable": total >= FILTER_FROM,
        "filters": filters,
        "query": query.urlencode(),
        "now": now,
    }
    return render(request, "apikeys/key_list.html", context)


def filtered(keys: APIKeyQuerySet, filters: FilterForm, now: datetime) -> APIKeyQuerySet:
    filters.is_valid()
    if text := filters.cleaned_data.get("q"):
        keys = keys.matching(text)
    if state := filters.cleaned_data.get("state"):
        keys = keys.in_state(KeyState(state), now)
    return keys


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
@key_issuer_required
@sensitive_variables("raw")
def key_create(request: SignedInRequest) -> HttpResponse:
    now = timezone.now()
    own = client_ip(request.META)
    context: dict[str, Any] = {"own": own}
    if request.method != "POST":
        initial = prefill(request.GET) | typed_before(request)
        form = NewKeyForm(initial=initial, user_id=request.user.pk, now=now)
        return render(request, "apikeys/key_create.html", context | {"form": form})
    form = NewKeyForm(request.POST, user_id=request.user.pk, now=now)
    if "add_address" in request.POST:
        missing = form.add_address(own)
        context |= {"added": "Added. Press Create to apply." if missing else "It's already in the list."}
    elif form.is_valid():
        try:
            key, raw = APIKey.objects.issue(
                owner=request.user, by=request.user, now=now, origin=origin(request), **form.values
            )
        except AlreadyIssued as already:
            return render(request, "apikeys/key_already.html", {"key": already.key})
        return reveal(request, key, raw, typed=request.POST.get("allowed_networks", ""))
    return render(request, "apikeys/key_create.html", context | {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
@key_issuer_required
@sensitive_variables("raw")
def key_rotate(request: SignedInRequest, key_id: str) -> HttpResponse:
    now = timezone.now()
    key = get_object_or_404(request.user.api_keys.with_rotations(), key_id=key_id)
    posted = request.POST if request.method == "POST" else None
    typed = typed_before(request) if posted is None else {}
    form = RotateForm(posted, initial=typed, user_id=request.user.pk)
    successor = key.successor
    if form.is_valid():
        try:
            new, raw = key.rotate(by=request.user, now=now, origin=origin(request), **form.cleaned_data)
        except AlreadyIssued as already:
            return render(request, "apikeys/key_already.html", {"key": already.key})
        except AlreadyRotated as already:
            successor = already.successor
        except KeyEnded:
            key.refresh_from_db()
        else:
            return reveal(request, new, raw)
    context = {"key": key, "form": form, "successor": successor, "live": key.is_live(now)}
    return render(request, "apikeys/key_rotate.html", context | {"back": came_from(request, key)})


def reveal(request: SignedInRequest, key: APIKey, raw: str, *, typed: str = "") -> HttpResponse:
    """Respond with the new key. This is the only page that ever shows it, and nothing may store the page."""
    context = {
        "key": key,
        "raw": raw,
        "rotation": Rotation.objects.filter(new=key).select_related("old").first(),
        "rewritten": advice.rewritten(typed, key.allowed_networks),
        "warnings": warnings(request, key),
        "api": f"{settings.SITE_URL}/v1/chatbots",
    }
    response = render(request, "apikeys/key_reveal.html", context)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def warnings(request: HttpRequest, key: APIKey) -> list[str]:
    return advice.warnings(
        key.allowed_networks,
        own=client_ip(request.META),
        behind_proxy=bool(settings.TRUSTED_PROXIES),
    )
