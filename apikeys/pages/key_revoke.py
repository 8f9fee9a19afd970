"""Settings > API: the page that revokes a key."""

from __future__ import annotations

from datetime import datetime

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from apikeys.models import APIKey
from apikeys.pages.display import quoted
from apikeys.pages.requests import SignedInRequest, back_url, list_url, origin
from apikeys.usage import reports


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def key_revoke(request: SignedInRequest, key_id: str) -> HttpResponse:
    now = timezone.now()
    key = get_object_or_404(request.user.api_keys.with_rotations(), key_id=key_id)
    if request.method == "POST":
        revoke(request, key, now)
        return redirect(list_url(request, request.POST.get("next", "")) or "apikeys:list")
    context = {
        "key": key,
        "made": key.live_descendants(now),
        "now": now,
        "callers": reports.recent_callers(key, now),
        "next": list_url(request, request.GET.get("next", "") or request.headers.get("Referer", "")),
        "back": back_url(request, key),
    }
    return render(request, "apikeys/key_revoke.html", context)


def revoke(request: SignedInRequest, key: APIKey, now: datetime) -> None:
    """Revoke ``key``, with all its descendants if the user chose that, and say so."""
    with transaction.atomic():
        stopped = key.revoke(by=request.user, now=now, origin=origin(request))
        more = 0
        if "cascade" in request.POST:
            more = len(key.live_descendants(now))  # as the page said; expired ones are revoked, too
            key.revoke_with_descendants(by=request.user, now=now, origin=origin(request))
    text = f"{quoted(key.name)} was {'' if stopped else 'already '}revoked."
    if more:
        others, verb = ("One key", "was") if more == 1 else (f"{more:,} keys", "were")
        text += f" {others} that it created or that replaced it {verb} also revoked."
    messages.success(request, text, extra_tags=key.key_id)
