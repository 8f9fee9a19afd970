"""Asks for the password again before something sensitive, and keeps what was typed."""

from __future__ import annotations

from functools import wraps
from typing import Any, Protocol

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import record_authentication
from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from allauth.core.exceptions import ReauthenticationRequired
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode

from apikeys.core.keyformat import redact
from wizchat.accounts.models import has_verified_address, signed_up

TYPED = "accounts.typed"
"""The session key under which a form waits while its sender is asked for the password."""
TYPED_LENGTH = 70_000
"""Most characters of a form that is stored."""
NEVER_KEPT = ("csrf", "token", "password", "code", "secret", "credential")


class View(Protocol):
    def __call__(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse: ...


def note_sign_in(request: HttpRequest, user: User, **_: object) -> None:
    """Count a sign-in as a recent authentication, so that nobody has to enter the same password twice."""
    record_authentication(request, user, method="sign_in", reauthenticated=True)


def key_issuer_required(view: View) -> View:
    """Require a recent sign-in to create a key, and a verified address of users who need one.

    Wraps a view that needs a signed-in user. Viewing the form doesn't require the password.
    """

    @wraps(view)
    def guarded(request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        if signed_up(request.user) and not has_verified_address(request.user):
            return render(request, "account/verified_email_required.html", status=403)
        if request.method == "POST" and not did_recently_reauthenticate(request):
            return ask_for_password(request)
        return view(request, *args, **kwargs)

    return guarded


def ask_for_password(request: HttpRequest) -> HttpResponse:
    """Redirect to the password form, which leads back to this page."""
    if request.method == "POST":
        _keep(request)
    methods = get_adapter().get_reauthentication_methods(request.user)
    url = methods[0]["url"] if methods else reverse("account_login")
    return HttpResponseRedirect(f"{url}?{urlencode({'next': redact(request.get_full_path())})}")


def restored_form(request: HttpRequest) -> dict[str, str | list[str]]:
    """Return, once, what the user typed into this page's form before having to enter the password."""
    stored = request.session.get(TYPED)
    if not stored or stored["path"] != request.path or not did_recently_reauthenticate(request):
        return {}
    del request.session[TYPED]
    fields: dict[str, str | list[str]] = stored["fields"]
    if fields:
        messages.info(request, "Thanks for confirming. Your form is still here: check and submit it again.")
    return fields


def _keep(request: HttpRequest) -> None:
    """Keep the form in the session, without its secrets."""
    fields = {
        name: [redact(value) for value in values]
        for name, values in request.POST.lists()
        if not any(word in name.lower() for word in NEVER_KEPT)
    }
    if sum(len(value) for values in fields.values() for value in values) > TYPED_LENGTH:
        fields = {}
    request.session[TYPED] = {
        "path": request.path,
        "fields": {
            name: values if len(values) > 1 else values[0] for name, values in fields.items() if values
        },
    }


class ReauthenticationMiddleware:
    """Answers allauth's ``ReauthenticationRequired`` in place of allauth's own middleware.

    allauth's keeps the whole request in the session, including cookies and the ``Authorization`` header.
    """

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = self.get_response(request)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return ask_for_password(request) if isinstance(exception, ReauthenticationRequired) else None
