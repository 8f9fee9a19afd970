"""allauth's account app, told whose sign-ups and addresses to believe."""

from __future__ import annotations

from typing import Any

from allauth.account import forms
from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.validators import MaxLengthValidator
from django.http import HttpRequest

from apikeys.auth.authentication import request_address

LOGIN_LENGTH = 254
"""Characters of the longest email address, which is longer than any username."""


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.SIGNUP_OPEN)

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address that rate limits count by: the same one that keys are judged by."""
        address = request_address(request.META)
        if address is None:
            raise PermissionDenied("the client's address is not known")
        return str(address)


class LoginForm(forms.LoginForm):  # type: ignore[misc]  # allauth ships no types
    @property
    def signup_open(self) -> bool:
        return bool(settings.SIGNUP_OPEN)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        login = self.fields["login"]
        login.label = "Username or email"
        login.widget.attrs["autocomplete"] = "username"
        # SQLite fails with patterns that are very long, and every name is looked up by one.
        login.validators.append(MaxLengthValidator(LOGIN_LENGTH))
        self.fields["remember"].label = "Keep me signed in"
