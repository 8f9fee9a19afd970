"""Checks passwords in the same time whether or not the account exists."""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.http import HttpRequest

from wizchat.accounts.models import accounts_named


class PasswordBackend(AuthenticationBackend):  # type: ignore[misc]  # allauth ships no types
    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> User | None:
        """Return the user with this ``username`` or ``email`` and ``password``, or ``None``."""
        password = credentials.get("password")
        logins = {login for name in ("username", "email") if (login := credentials.get(name))}
        if not password or not logins:
            return None
        users = accounts_named(*logins)
        if not users:
            make_password(password)  # takes as long as a check
        for user in users:
            if user.check_password(password):
                if self.user_can_authenticate(user):
                    return user
                self._stash_user(user)  # so that allauth says that the account is closed
        return None
