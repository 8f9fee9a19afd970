"""allauth's forms, with our limits and labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.account import forms
from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.validators import MaxLengthValidator
from django.http import HttpRequest

from wizchat.accounts import outbox
from wizchat.accounts.adapter import send_reset_links
from wizchat.accounts.models import accounts_with

if TYPE_CHECKING:
    from django.forms import Form as Base
else:  # a mixin at run time
    Base = object

LOGIN_LENGTH = 254
"""Characters of the longest email address, which is longer than any username."""
MISMATCH = "The passwords don't match. Enter the same password twice."


class LoginForm(forms.LoginForm):  # type: ignore[misc]  # allauth ships no types
    @property
    def signup_open(self) -> bool:
        return bool(settings.SIGNUP_OPEN)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        login = self.fields["login"]
        login.label = "Username or email"
        login.widget.attrs["autocomplete"] = "username"
        # SQLite fails on very long LIKE patterns, and the lookup of a login uses one.
        login.validators.append(MaxLengthValidator(LOGIN_LENGTH))
        # The page links to the reset below the form; here, Tab would reach the link before the password.
        self.fields["password"].help_text = ""
        self.fields["remember"].label = "Keep me signed in"


class ReauthenticateForm(forms.ReauthenticateForm):  # type: ignore[misc]  # allauth ships no types
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = ""


class NewPasswordMixin(Base):
    """Says in our words that the two passwords differ: allauth has no setting for that message."""

    def clean(self) -> Any:
        cleaned = super().clean()
        if "password2" in self.errors and not self.has_error("password2", "required"):
            self.errors["password2"] = self.error_class([MISMATCH], renderer=self.renderer)
        return cleaned


class SignupForm(NewPasswordMixin, forms.SignupForm):  # type: ignore[misc]  # allauth ships no types
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password2"].label = "Password again"

    def validate_unique_email(self, value: str) -> str:
        """Accept an address that another user has added but not verified."""
        email: str = super().validate_unique_email(value)
        self.account_already_exists = bool(accounts_with(email))
        return email


class ResetPasswordForm(forms.ResetPasswordForm):  # type: ignore[misc]  # allauth ships no types
    """Looks up accounts in a thread, so that response times don't reveal which addresses have one."""

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        email: str = self.cleaned_data["email"]
        outbox.later(send_reset_links, email)
        return email


class ResetPasswordKeyForm(NewPasswordMixin, forms.ResetPasswordKeyForm):  # type: ignore[misc]  # allauth ships no types
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name_new_password(self)


class ChangePasswordForm(NewPasswordMixin, forms.ChangePasswordForm):  # type: ignore[misc]  # allauth ships no types
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["oldpassword"].label = "Current password"
        self.fields["oldpassword"].help_text = ""
        name_new_password(self)

    def clean_oldpassword(self) -> str:
        """Count a wrong password as a failed sign-in of the account."""
        password: str = self.cleaned_data["oldpassword"]
        if not get_adapter().reauthenticate(self.user, password):
            raise get_adapter().validation_error("enter_current_password")
        return password


def name_new_password(form: Any) -> None:
    form.fields["password1"].label = "New password"
    form.fields["password2"].label = "New password again"
