"""Settings > API: one key's page, with its settings, callers and events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from apikeys.auth.requests import client_ip
from apikeys.core.networks import as_text, parse_address, parse_networks
from apikeys.models import APIKey, KeyEnded, Rotation
from apikeys.pages import advice
from apikeys.pages.display import quoted
from apikeys.pages.forms import KeySettingsForm
from apikeys.pages.requests import SignedInRequest, address_warnings, list_url, origin
from apikeys.pages.switching import is_old_key_in_use, switchers
from apikeys.usage import reports

EVENTS_SHOWN = 20
ADDRESSES_SHOWN = 25


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def key_detail(request: SignedInRequest, key_id: str) -> HttpResponse:
    now = timezone.now()
    key = get_object_or_404(request.user.api_keys.with_rotations(), key_id=key_id)
    callers = reports.callers(key, now)
    form = settings_form(request, key, now)
    extra: dict[str, str] = {}
    if request.method == "POST":
        if key.is_ended(now):
            return refuse_ended(request, key)
        if {"add_address", "allow"} & request.POST.keys():
            extra = add_address(request, form)
        elif "check" in request.POST:
            extra = check_addresses(form, callers)
        else:
            saved = save(request, key, now)
            if isinstance(saved, HttpResponse):
                return saved
            form = saved
    context = key_context(request, key, callers, now)
    return render(request, "apikeys/key_detail.html", context | {"form": form} | extra)


def key_context(
    request: SignedInRequest, key: APIKey, callers: list[reports.Caller], now: datetime
) -> dict[str, Any]:
    """Return what the page of ``key`` shows besides its settings."""
    days = reports.daily(key, now)
    lines = reports.last_admitted(parse_networks(key.allowed_networks), callers)
    return {
        "key": key,
        "own": client_ip(request.META),
        "now": now,
        "days": days,
        "shares": reports.shares(days),
        "callers": callers[:ADDRESSES_SHOWN],
        "more_callers": len(callers) - ADDRESSES_SHOWN,
        "lines": [(as_text(network), at) for network, at in lines[:ADDRESSES_SHOWN]],
        "more_lines": len(lines) - ADDRESSES_SHOWN,
        "rotations": [
            (rotation, switchers(rotation, now), is_old_key_in_use(rotation, now))
            for rotation in Rotation.objects.running_with(key, now)
        ],
        "warnings": address_warnings(request, key),
        "events": key.events.all()[:EVENTS_SHOWN],
        "made": key.live_descendants(now) if key.is_ended(now) else [],
        "successor": key.successor,
        "predecessor": key.predecessor,
        "next": list_url(request, request.headers.get("Referer", "")),
    }


def settings_form(request: SignedInRequest, key: APIKey, now: datetime) -> KeySettingsForm:
    """Return the form of a key's settings, without its expiry while a rotation sets that."""
    data = request.POST if request.method == "POST" else None
    return KeySettingsForm(data, key=key, now=now, fixed_expiry=key.has_fixed_expiry)


def add_address(request: SignedInRequest, form: KeySettingsForm) -> dict[str, str]:
    """Put a caller's address or the user's own into the form; return what to say."""
    address = client_ip(request.META)
    if "allow" in request.POST:
        address = parse_address(request.POST["allow"])
        if address is None:
            return {"added": "That isn't an IP address."}
    missing = form.add_address(address)
    return {"added": "Added. Press Save to apply." if missing else "It's already in the list."}


def check_addresses(form: KeySettingsForm, callers: list[reports.Caller]) -> dict[str, str]:
    """Return what the typed list would have done to past calls; validate nothing else."""
    if form.errors.get("allowed_networks"):
        return {}
    typed = form.cleaned_data["allowed_networks"]
    form.errors.clear()
    return {"checked": advice.effect(typed, callers, reports.DAYS)}


def save(request: SignedInRequest, key: APIKey, now: datetime) -> HttpResponse | KeySettingsForm:
    """Apply what was changed to the key as it is now; return the form if something is wrong with it."""
    with transaction.atomic():
        locked = get_object_or_404(request.user.api_keys.select_for_update(), pk=key.pk)
        form = settings_form(request, locked, now)
        if not form.is_valid():
            return form
        try:
            changed = locked.change(by=request.user, now=now, origin=origin(request), **form.changes)
        except KeyEnded:
            return refuse_ended(request, locked)
    if changed:
        messages.success(request, f"{quoted(locked.name)} was saved.")
    elif not form.overtaken:
        messages.success(request, "No changes to save.")
    if form.overtaken:
        messages.warning(request, form.overtaken)
    if "allowed_networks" in changed:
        report_saved_list(request, locked, now)
    return redirect("apikeys:detail", key.key_id)


def report_saved_list(request: SignedInRequest, key: APIKey, now: datetime) -> None:
    """Tell the user in what form a list was saved, and which past calls it would have refused."""
    for sentence in advice.rewritten(request.POST.get("allowed_networks", ""), key.allowed_networks):
        messages.info(request, sentence)
    refused = advice.refusals(key.allowed_networks, reports.callers(key, now), reports.DAYS)
    if refused:
        messages.warning(request, refused)


def refuse_ended(request: SignedInRequest, key: APIKey) -> HttpResponse:
    ended = "been revoked" if key.revoked_at else "expired"
    messages.error(request, f"{quoted(key.name)} has {ended} and can't be changed.")
    return redirect("apikeys:detail", key.key_id)
