"""The forms of Settings > API: a key's settings, and forms that create one key each."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.core.signing import BadSignature, Signer
from django.forms.utils import ErrorDict
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from apikeys.core import names
from apikeys.core.networks import (
    MAX_LIST_LENGTH,
    InvalidNetworks,
    IPAddress,
    canonical,
    entries,
    parse_networks,
)
from apikeys.core.times import length
from apikeys.models import (
    DEFAULT_LIFETIME,
    DEFAULT_OVERLAP,
    LONGEST_OVERLAP,
    PERMISSION_NAMES,
    APIKey,
    Permission,
)
from apikeys.models.rotations import GRACE_AFTER_FIRST_USE, LONGEST_WAIT_FOR_FIRST_USE
from apikeys.pages.expiry import ExpiryForm, short_day
from apikeys.pages.stale import StaleFormMixin

HOUR = timedelta(hours=1)
OVERLAPS: dict[str, tuple[str, timedelta | None]] = {
    "0": ("Stop it immediately", timedelta(0)),
    **{str(one // HOUR): (length(one), one) for one in (HOUR, DEFAULT_OVERLAP, LONGEST_OVERLAP)},
    "first_use": (f"{length(GRACE_AFTER_FIRST_USE)} after the new key is first used", None),
}


def permission_field() -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        choices=[(name, permission.label) for permission in Permission for name in permission.names],
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "required": "Choose at least one permission.",
            "invalid_choice": "“%(value)s” is not a permission.",
            "invalid_list": "Choose at least one permission.",
        },
    )


class NetworksField(forms.CharField):
    """A list of addresses as typed, with normalised line breaks."""

    widget = forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "autocomplete": "off"})

    def to_python(self, value: Any) -> str:
        return "\n".join((super().to_python(value) or "").splitlines())


class KeyForm(forms.Form):
    """A key's name, permissions and addresses, with the rules for them in every form."""

    name = forms.CharField(
        max_length=names.MAX_LENGTH,
        help_text="What will use the key, for example “Production API”.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": names.EMPTY, "max_length": names.TOO_LONG},
    )
    permissions = permission_field()
    allowed_networks = NetworksField(
        label="Allowed IP addresses",
        required=False,
        max_length=MAX_LIST_LENGTH,
        help_text="Optional. Leave empty to allow any address. Enter one address or range per line, "
        "IPv4 or IPv6, such as 203.0.113.7 or 2001:db8::/32. Commas and spaces work too.",
        error_messages={
            "max_length": f"The list is too long: at most {MAX_LIST_LENGTH:,} characters are allowed."
        },
    )

    def clean_name(self) -> str:
        try:
            return names.clean(self.cleaned_data["name"])
        except names.InvalidName as error:
            raise forms.ValidationError(str(error)) from error

    def clean_permissions(self) -> Permission:
        return Permission.of(self.cleaned_data["permissions"])

    def clean_allowed_networks(self) -> str:
        try:
            return canonical(parse_networks(self.cleaned_data["allowed_networks"]))
        except InvalidNetworks as error:
            raise forms.ValidationError(error.errors) from error

    def add_address(self, address: IPAddress | None) -> bool:
        """Append ``address``, unvalidated, and focus the field; return whether it was missing."""
        typed = self.data.get("allowed_networks", "")
        missing = address is not None and all(entry != str(address) for _, entry in entries(typed))
        if missing:
            typed = "\n".join([*typed.rstrip().splitlines(), str(address)])
            self.data = overridden(self.data, "allowed_networks", typed)
        self.fields["allowed_networks"].widget.attrs["autofocus"] = True
        self._errors = ErrorDict()
        return missing


class OnceForm(forms.Form):
    """A form that creates one key, however often it is submitted: its token works once."""

    form_token = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, user_id: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.signer = Signer(salt=f"apikeys.form_token.{user_id}")
        self.fields["form_token"].initial = self.new_token

    def new_token(self) -> str:
        return self.signer.sign(secrets.token_urlsafe(16))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        try:
            cleaned["form_token"] = self.signer.unsign(cleaned.get("form_token", ""))
        except BadSignature:
            self.data = overridden(self.data, "form_token", self.new_token())
            self.add_error(None, "This form was out of date, so no key was created. Check it and try again.")
        return cleaned


class NewKeyForm(OnceForm, ExpiryForm, KeyForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["initial"] = {
            "permissions": ["read"],
            "expires": str(DEFAULT_LIFETIME.days),
            **kwargs.get("initial", {}),
        }
        super().__init__(*args, **kwargs)
        self.fields["expires"].help_text = "A key that expires does less harm if it leaks."

    @property
    def values(self) -> dict[str, Any]:
        """Return the arguments for ``issue``; the form must be valid."""
        fields = ("name", "permissions", "allowed_networks", "expires_at", "form_token")
        return {field: self.cleaned_data[field] for field in fields}


class KeySettingsForm(StaleFormMixin, ExpiryForm, KeyForm):
    """The settings of an existing key. Its expiry stays the same unless another one is chosen."""

    tracked = ("name", "permissions", "allowed_networks", "expires_shown")

    expires_shown = forms.CharField(label="Expires", required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, key: APIKey, fixed_expiry: bool, **kwargs: Any) -> None:
        current = key.expires_at.isoformat() if key.expires_at else "never"
        initial = {
            "name": key.name,
            "permissions": key.granted.names,
            "allowed_networks": key.allowed_networks,
            "expires": "keep",
            "expires_shown": current,
        }
        super().__init__(*args, initial=initial, **kwargs)
        if fixed_expiry:
            del self.fields["expires"], self.fields["expires_on"]
            return
        unchanged = f"No change ({short_day(key.expires_at) if key.expires_at else 'never'})"
        expires: Any = self.fields["expires"]
        expires.choices = [("keep", unchanged), *expires.choices]
        expires.required = False  # a form without it keeps the expiry

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean()
        shown, current = self.shown("expires_shown"), self["expires_shown"].initial
        if "expires_at" in cleaned and "expires" not in self.errors and shown != current:
            self.add_error("expires", "The expiry has changed on another page. Check it and save again.")
            self._show_current("expires_shown")
        return cleaned

    @property
    def changes(self) -> dict[str, Any]:
        changes = super().changes
        changes.pop("expires_shown", None)
        if "expires_at" in self.cleaned_data:
            changes["expires_at"] = self.cleaned_data["expires_at"]
        return changes


class RotateForm(OnceForm):
    overlap = forms.ChoiceField(
        label="Keep the old key working for",
        choices=[(value, label) for value, (label, _) in OVERLAPS.items()],
        initial=str(DEFAULT_OVERLAP // HOUR),
        help_text=f"The old key stops after {length(LONGEST_WAIT_FOR_FIRST_USE)} if the new one isn't used.",
        widget=forms.RadioSelect,
        error_messages=dict.fromkeys(
            ["required", "invalid_choice"], "Choose how long the old key keeps working."
        ),
    )

    def clean_overlap(self) -> timedelta | None:
        return OVERLAPS[self.cleaned_data["overlap"]][1]


def prefill(query: QueryDict) -> dict[str, Any]:
    """Return what ``?name=…&permissions=read,write`` fills into the form, without invalid values."""
    initial: dict[str, Any] = {}
    name = "".join(character for character in query.get("name", "") if character.isprintable()).strip()
    if name:
        initial["name"] = name[: names.MAX_LENGTH]
    requested = query.get("permissions", "").lower().replace(" ", "").split(",")
    permissions = [name for name in PERMISSION_NAMES if name in requested]
    if permissions:
        initial["permissions"] = permissions
    return initial


def overridden(data: Mapping[str, Any], name: str, value: str) -> MultiValueDict[str, Any]:
    """Return a copy of ``data`` with ``value`` for ``name``."""
    copied: MultiValueDict[str, Any] = MultiValueDict()
    copied.update(data)
    copied[name] = value
    return copied
