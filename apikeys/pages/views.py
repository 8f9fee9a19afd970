"""Settings > API: one view an action, and one verb of the model each."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from apikeys.auth.requests import client_ip
from apikeys.core import keyformat
from apikeys.models import AlreadyIssued, AlreadyRotated, APIKey, APIKeyQuerySet, KeyEnded, KeyState
from apikeys.pages import advice
from apikeys.pages.display import quoted
from apikeys.pages.forms import FilterForm, KeyForm, NewKeyForm, RotateForm, prefill, settings_of
from apikeys.usage import reports
from wizchat.accounts.reauthentication import key_issuer_required, typed_before

PAGE_SIZE = 25
FILTER_FROM = 11
"""Number of keys from which on the list can be filtered."""
EVENTS_SHOWN = 50


class SignedInRequest(HttpRequest):
    user: User


@require_safe
@login_required
@never_cache
def key_list(request: SignedInRequest) -> HttpResponse:
    now = timezone.now()
    query = request.GET.copy()
    # Someone may paste a whole key here: it finds its key by the id, and is not shown again.
    query["q"] = keyformat.redact(query.get("q", ""))
    filters = FilterForm(query)
    total = request.user.api_keys.count()
    keys_of_owner = request.user.api_keys.with_rotations().live_first(now)
    page = Paginator(filtered(keys_of_owner, filters, now), PAGE_SIZE).get_page(query.pop("page", [""])[-1])
    keys = list(page)
    hours = reports.last_24_hours(keys, now)
    context = {
        "page": page,
        "rows": [(key, hours[key.pk]) for key in keys],
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
    if request.method != "POST":
        form = NewKeyForm(
            initial=prefill(request.GET) | typed_before(request), user_id=request.user.pk, now=now
        )
        return render(request, "apikeys/key_create.html", {"form": form, "own": own})
    form = NewKeyForm(request.POST, user_id=request.user.pk, now=now)
    if "add_address" in request.POST:
        form.add_address(own)
    elif form.is_valid():
        try:
            key, raw = APIKey.objects.issue(owner=request.user, by=request.user, now=now, **form.values)
        except AlreadyIssued as already:
            return render(request, "apikeys/key_already.html", {"key": already.key})
        return reveal(request, key, raw, typed=request.POST.get("allowed_networks", ""))
    return render(request, "apikeys/key_create.html", {"form": form, "own": own})


def reveal(request: SignedInRequest, key: APIKey, raw: str, *, typed: str = "") -> HttpResponse:
    """Answer with the new key: the only page that ever has it, which nothing may keep."""
    context = {
        "key": key,
        "raw": raw,
        "rewritten": advice.rewritten(typed, key.allowed_networks),
        "warnings": warnings(request, key),
        "api": request.build_absolute_uri("/v1/chatbots"),
    }
    response = render(request, "apikeys/key_reveal.html", context)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def key_detail(request: SignedInRequest, key_id: str) -> HttpResponse:
    key = get_object_or_404(request.user.api_keys.with_rotations(), key_id=key_id)
    form = KeyForm(initial=settings_of(key))
    now = timezone.now()
    own = client_ip(request.META)
    if request.method == "POST":
        form = KeyForm(request.POST)
        if "add_address" in request.POST:
            form.add_address(own)
        elif form.is_valid():
            return save(request, key, form)
    days = reports.daily(key, now)
    context = {
        "key": key,
        "form": form,
        "own": own,
        "now": now,
        "days": days,
        "shares": reports.shares(days),
        "refusals": reports.refused(key, now),
        "warnings": warnings(request, key),
        "events": key.events.all()[:EVENTS_SHOWN],
        "successor": key.successor,
    }
    return render(request, "apikeys/key_detail.html", context)


def save(request: SignedInRequest, key: APIKey, form: KeyForm) -> HttpResponse:
    # A list that was not sent is not an empty one, which would let everybody in.
    values = {name: value for name, value in form.cleaned_data.items() if name in request.POST}
    try:
        changed = key.change(by=request.user, now=timezone.now(), **values)
    except KeyEnded:
        messages.error(request, f"{quoted(key.name)} is revoked and cannot be changed.")
        return redirect("apikeys:detail", key.key_id)
    said = "was saved" if changed else "is as it was: nothing was changed"
    messages.success(request, f"{quoted(key.name)} {said}.")
    for sentence in advice.rewritten(request.POST.get("allowed_networks", ""), key.allowed_networks):
        messages.info(request, sentence)
    return redirect("apikeys:detail", key.key_id)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def key_revoke(request: SignedInRequest, key_id: str) -> HttpResponse:
    key = get_object_or_404(request.user.api_keys.with_rotations(), key_id=key_id)
    now = timezone.now()
    if request.method == "POST":
        stopped = key.revoke(by=request.user, now=now)
        messages.success(request, f"{quoted(key.name)} was {'' if stopped else 'already '}revoked.")
        return redirect("apikeys:list")
    context = {
        "key": key,
        "now": now,
        "callers": reports.recent_callers(key, now),
        "back": came_from(request, key),
    }
    return render(request, "apikeys/key_revoke.html", context)


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
            new, raw = key.rotate(by=request.user, now=now, **form.cleaned_data)
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


def warnings(request: HttpRequest, key: APIKey) -> list[str]:
    return advice.warnings(
        key.allowed_networks,
        own=client_ip(request.META),
        behind_proxy=bool(settings.TRUSTED_PROXIES),
    )


def came_from(request: HttpRequest, key: APIKey) -> str:
    """Return the page of Settings > API that led here, to go back to; the key's own if unknown."""
    referer = request.headers.get("Referer", "")
    if url_has_allowed_host_and_scheme(referer, {request.get_host()}, require_https=request.is_secure()):
        parts = urlsplit(referer)
        if parts.path == reverse("apikeys:list"):
            query = keyformat.redact(parts.query)  # someone may have searched for a whole key
            return f"{parts.path}{'?' if query else ''}{query}#{key.key_id}"
    return reverse("apikeys:detail", args=[key.key_id])
