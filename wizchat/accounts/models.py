"""Accounts that signed up themselves, and lookups of accounts by username or address."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import models
from django.db.models import Q

from apikeys.core.keyformat import redact


class SignUp(models.Model):
    """Marks an account that signed up itself: no operator has vouched for its email address."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="sign_up")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"Sign-up of {self.user}"


def signed_up(user: User) -> bool:
    """Return whether ``user`` signed up, rather than being created by an operator."""
    return SignUp.objects.filter(user=user).exists()


def has_verified_address(user: User) -> bool:
    return bool(EmailAddress.objects.filter(user=user, verified=True).exists())


def redact_user_agent(instance: Any, **_: object) -> None:
    """Remove API keys from the user agent in the list of sessions, in case a client sent one there."""
    instance.user_agent = redact(instance.user_agent)


def end_session(instance: Any, **_: object) -> None:
    """Delete the session itself when something deletes its entry in the list."""
    Session.objects.filter(pk=instance.session_key).delete()


def accounts_named(*logins: str) -> list[User]:
    """Return the accounts with one of ``logins`` as username or email, owners of a verified address first.

    Takes two queries whether or not there is such an account. An address that a user has added but not
    verified doesn't count.
    """
    names = {login.lower() for login in logins}
    verified = set(_verified(names).values_list("user_id", flat=True))
    matches = Q(pk__in=verified)
    for name in names:
        matches |= Q(username__iexact=name) | Q(email__iexact=name)
    users = [
        user
        for user in User.objects.filter(matches)
        # Compare again in Python, because databases treat more letters as equal.
        if user.pk in verified or names & {user.username.lower(), user.email.lower()}
    ]
    return sorted(users, key=lambda user: (user.pk not in verified, user.pk))


def accounts_with(email: str) -> list[User]:
    """Return the accounts that have verified ``email``; if there are none, those with it as primary address.

    Anyone can add another person's address to their account, so an unverified one proves nothing.
    """
    verified = [address.user for address in _verified({email.lower()}).select_related("user")]
    candidates = User.objects.filter(email__iexact=email).order_by("pk")
    return verified or [user for user in candidates if user.email.lower() == email.lower()]


def _verified(emails: set[str]) -> Any:
    return EmailAddress.objects.filter(email__in=emails, verified=True)
