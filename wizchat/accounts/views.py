"""Account pages that explain more than allauth's."""

from __future__ import annotations

from typing import Any

from allauth.account import views
from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from allauth.usersessions.views import ListUserSessionsView
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect

from wizchat.accounts.reauthentication import restored_form


class EmailView(views.EmailView):  # type: ignore[misc]  # allauth ships no types
    def get_initial(self) -> dict[str, Any]:
        typed = restored_form(self.request) if self.request.method == "GET" else {}
        self.chosen = typed.get("email") if "action_add" not in typed else None
        return {"email": typed["email"]} if "action_add" in typed else {}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Check the address that was chosen before the password was asked for."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        radios = context["emailaddress_radios"]
        if any(radio["emailaddress"].email == self.chosen for radio in radios):
            for radio in radios:
                radio["checked"] = radio["emailaddress"].email == self.chosen
        return context

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Explain if no address was chosen, or an unverified one as the primary address."""
        if problem := self._problem(request):
            messages.error(request, problem)
            return redirect("account_email")
        answer: HttpResponse = super().post(request, *args, **kwargs)
        return answer

    def _problem(self, request: HttpRequest) -> str:
        if "action_add" in request.POST:
            return ""
        address = EmailAddress.objects.filter(
            user_id=request.user.pk, email=request.POST.get("email", "").lower()
        ).first()
        if address is None:
            return "Choose an email address first."
        if "action_primary" in request.POST and not address.verified:
            return str(get_adapter().error_messages["unverified_primary_email"])
        return ""


class ConfirmEmailView(views.ConfirmEmailView):  # type: ignore[misc]  # allauth ships no types
    def logout_other_user(self, confirmation: Any) -> None:
        """Sign out a user who confirms an address of another account, but not one who only opens the link."""
        if self.request.method == "POST":
            super().logout_other_user(confirmation)


class SessionsView(ListUserSessionsView):  # type: ignore[misc]  # allauth ships no types
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """List this session even if it began before sessions were listed."""
        key = request.session.session_key
        if request.user.is_authenticated and not UserSession.objects.filter(session_key=key).exists():
            UserSession.objects.create_from_request(request)
        answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return answer
