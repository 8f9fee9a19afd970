"""Settings > API: finishing and cancelling a rotation, each after a confirmation."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from apikeys.models import APIKey, Rotation, RotationOver
from apikeys.pages.requests import SignedInRequest, origin
from apikeys.pages.switching import is_old_key_in_use, switchers


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def rotation_finish(request: SignedInRequest, key_id: str) -> HttpResponse:
    return confirm_and_end(request, key_id, "finish")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def rotation_cancel(request: SignedInRequest, key_id: str) -> HttpResponse:
    return confirm_and_end(request, key_id, "cancel")


def confirm_and_end(request: SignedInRequest, key_id: str, verb: Literal["finish", "cancel"]) -> HttpResponse:
    """Ask for confirmation; once confirmed, finish or cancel the rotation that the page asked about."""
    now = timezone.now()
    key, rotation = find(request, key_id, now)
    if rotation is None:
        return report_over(request, key)
    if request.method != "POST":
        return confirmation(request, f"apikeys/rotation_{verb}.html", key, rotation, now)
    try:
        if verb == "finish":
            rotation.finish(by=request.user, now=now, origin=origin(request))
            remaining, outcome = rotation.new, f"finished: the old key ({rotation.old.masked})"
        else:
            rotation.cancel(by=request.user, now=now, origin=origin(request))
            remaining, outcome = rotation.old, f"cancelled: the new key ({rotation.new.masked})"
    except RotationOver:
        return report_over(request, key)
    messages.success(request, f"Rotation {outcome} was revoked.")
    return redirect("apikeys:detail", remaining.key_id)


def find(request: SignedInRequest, key_id: str, now: datetime) -> tuple[APIKey, Rotation | None]:
    """Return the owner's key and its running rotation; 404 for any other id."""
    key = get_object_or_404(request.user.api_keys, key_id=key_id)
    running = Rotation.objects.running_with(key, now)
    if "rotation" in request.POST:
        # Only what the page asked about: in a chain, another rotation of the key may run.
        running = [rotation for rotation in running if str(rotation.pk) == request.POST["rotation"]]
    return key, next(iter(running), None)


def confirmation(
    request: SignedInRequest, template: str, key: APIKey, rotation: Rotation, now: datetime
) -> HttpResponse:
    context = {
        "key": key,
        "rotation": rotation,
        "switchers": switchers(rotation, now),
        "in_use": is_old_key_in_use(rotation, now),
        "now": now,
    }
    return render(request, template, context)


def report_over(request: SignedInRequest, key: APIKey) -> HttpResponse:
    messages.info(request, "This key isn't being rotated, or its rotation is already over.")
    return redirect("apikeys:detail", key.key_id)
