"""Settings > API: the page that creates a key."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods

from apikeys.auth.requests import client_ip
from apikeys.models import AlreadyIssued, APIKey
from apikeys.pages.forms import NewKeyForm, prefill
from apikeys.pages.key_reveal import reveal
from apikeys.pages.requests import SignedInRequest, origin
from wizchat.accounts.reauthentication import key_issuer_required, restored_form


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def key_create(request: SignedInRequest) -> HttpResponse:
    """Add the user's address to the form, which needs no password, or show the form or create the key."""
    return add_address(request) if "add_address" in request.POST else create(request)


def add_address(request: SignedInRequest) -> HttpResponse:
    form = NewKeyForm(request.POST, user_id=request.user.pk, now=timezone.now())
    missing = form.add_address(client_ip(request.META))
    return page(request, form, "Added. Press Create to apply." if missing else "It's already in the list.")


@key_issuer_required
@sensitive_variables("raw")
def create(request: SignedInRequest) -> HttpResponse:
    now = timezone.now()
    if request.method != "POST":
        initial = prefill(request.GET) | restored_form(request)
        return page(request, NewKeyForm(initial=initial, user_id=request.user.pk, now=now))
    form = NewKeyForm(request.POST, user_id=request.user.pk, now=now)
    if form.is_valid():
        try:
            key, raw = APIKey.objects.issue(
                owner=request.user, by=request.user, now=now, origin=origin(request), **form.values
            )
        except AlreadyIssued as already:
            return render(request, "apikeys/key_already.html", {"key": already.key})
        return reveal(request, key, raw, typed=request.POST.get("allowed_networks", ""))
    return page(request, form)


def page(request: SignedInRequest, form: NewKeyForm, added: str = "") -> HttpResponse:
    context = {"form": form, "own": client_ip(request.META), "added": added}
    return render(request, "apikeys/key_create.html", context)
