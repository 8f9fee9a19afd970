"""allauth's hooks: who may sign up, which addresses limits count by, and the links and texts of emails."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse

from apikeys.auth.requests import client_ip
from apikeys.core.keyformat import redact
from wizchat.accounts import outbox
from wizchat.accounts.models import SignUp, accounts_named, accounts_with

THEIR_STAGE = "allauth.account.stages.EmailVerificationStage"
OUR_STAGE = "wizchat.accounts.stages.EmailVerificationStage"
INCORRECT = "Incorrect username or password."


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    error_messages = DefaultAccountAdapter.error_messages | {
        "account_inactive": "This account is closed.",
        "at_in_username": "A username can't contain @.",
        "cannot_remove_primary_email": "Make another address the primary one before you remove this one.",
        "duplicate_email": "This email address is already on your account.",
        "email_password_mismatch": INCORRECT,
        "email_taken": "Another account uses this email address.",
        "enter_current_password": "Incorrect password.",
        "incorrect_code": "Incorrect code. Check your device's clock and enter the next code.",
        "incorrect_password": "Incorrect password.",
        "invalid_login": INCORRECT,
        "invalid_or_expired_key": "This link has expired.",
        "invalid_password_reset": "This link has expired.",
        "max_email_addresses": "You can't have more than %d email addresses.",
        "rate_limited": "Too many attempts. Wait a few minutes, then try again.",
        "same_as_current": "Enter a different value from the current one.",
        "too_many_login_attempts": "Too many failed sign-in attempts. Wait a few minutes, then try again.",
        "unknown_email": "No account uses this email address.",
        "unverified_primary_email": "Confirm this email address before you make it the primary one.",
        "username_blacklisted": "This username isn't available. Choose another one.",
        "username_invalid": "A username can contain only letters, digits and the characters . + - _",
        "username_password_mismatch": INCORRECT,
        "username_taken": "This username is taken. Choose another one.",
    }

    # --- Who may sign up and sign in

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.SIGNUP_OPEN)

    def clean_username(self, username: str, shallow: bool = False) -> str:
        """Refuse names that could pass for someone else's email address."""
        if "@" in username:
            raise self.validation_error("at_in_username")
        try:
            cleaned: str = super().clean_username(username, shallow)
        except ValidationError as error:
            if error.code == "invalid":  # Django's own message allows @
                raise self.validation_error("username_invalid") from error
            raise
        return cleaned

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        with transaction.atomic():
            saved: User = super().save_user(request, user, form, commit)
            SignUp.objects.create(user=saved)
        return saved

    def get_login_stages(self) -> list[str]:
        return [OUR_STAGE if stage == THEIR_STAGE else stage for stage in super().get_login_stages()]

    def can_delete_email(self, email_address: EmailAddress) -> bool:
        """Keep the primary address while there are others: allauth might make an unverified one primary."""
        user = email_address.user
        is_main = email_address.email.lower() == user.email.lower()
        if is_main and user.emailaddress_set.exclude(pk=email_address.pk).exists():
            return False
        return bool(super().can_delete_email(email_address))

    # --- Limits

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address that rate limits count by, found in the same way as for keys."""
        address = client_ip(request.META)
        if address is None:
            raise PermissionDenied("the client's address is not known")
        return str(address)

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Return the key that counts failures: by account, whatever host and login were used."""
        logins = {login for name in ("username", "email") if (login := credentials.get(name))}
        for user in accounts_named(*logins):
            return f"account:{user.pk}"
        return f"nobody:{min(logins, default='').lower()}"

    # --- Emails

    def get_reset_password_from_key_url(self, key: str) -> str:
        uid, _, token = key.partition("-")
        return absolute("account_reset_password_from_key", uidb36=uid, key=token)

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        return absolute("account_confirm_email", key=emailconfirmation.key)

    def send_account_already_exists_mail(self, email: str) -> None:
        context = {
            "signup_url": absolute("account_signup"),
            "password_reset_url": absolute("account_reset_password"),
        }
        self.send_mail("account/email/account_already_exists", email, context)

    def send_notification_mail(
        self,
        template_prefix: str,
        user: User,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Notify ``user``, and also an address that was removed, because it may have been the only one."""
        super().send_notification_mail(template_prefix, user, context, email)
        if context and (removed := context.get("deleted_email")):
            super().send_notification_mail(template_prefix, user, context, removed)

    def get_http_user_agent(self, request: HttpRequest) -> str:
        """Return the user agent, without any API key that was sent in it."""
        return redact(super().get_http_user_agent(request))

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send an email in which no link is built from the request's Host header."""
        values = context | {"email": email, "site_url": settings.SITE_URL, "request": None}
        outbox.later(self.render_mail(template_prefix, email, values).send)


def absolute(name: str, **arguments: str) -> str:
    """Return the full URL of the page called ``name``, for links in emails."""
    return f"{settings.SITE_URL}{reverse(name, kwargs=arguments)}"


def send_reset_links(email: str) -> None:
    """Send a link to each open account with the address ``email``."""
    from allauth.account.forms import default_token_generator
    from allauth.account.internal.flows.password_reset import request_password_reset

    users = [user for user in accounts_with(email) if user.is_active]
    if users:
        request_password_reset(None, email, users, default_token_generator)
