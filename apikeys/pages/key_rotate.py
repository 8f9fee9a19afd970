"""Settings > API: the page that rotates a key."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods

from apikeys.models import AlreadyIssued, AlreadyRotated, KeyEnded
from apikeys.pages.forms import RotateForm
from apikeys.pages.key_reveal import reveal
from apikeys.pages.requests import SignedInRequest, back_url, origin
from wizchat.accounts.reauthentication import key_issuer_required, restored_form


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
@key_issuer_required
@sensitive_variables("raw")
def key_rotate(request: SignedInRequest, key_id: str) -> HttpResponse:
    now = timezone.now()
    key = get_object_or_404(request.user.api_keys.with_rotations(), key_id=key_id)
    posted = request.POST if request.method == "POST" else None
    typed = restored_form(request) if posted is None else {}
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
    return render(request, "apikeys/key_rotate.html", context | {"back": back_url(request, key)})
