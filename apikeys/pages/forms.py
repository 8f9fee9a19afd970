"""The forms of Settings > API: what a key is given, and that one form makes one key."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.signing import BadSignature, Signer
from django.forms.utils import ErrorDict
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from django.utils.formats import date_format

from apikeys.core import names
from apikeys.core.networks import InvalidNetworks, IPAddress, canonical, parse_networks
from apikeys.models import LONGEST_LIFETIME, APIKey, KeyState, Permission

LIFETIMES = (30, 90, 365)
"""Days that a key may be given with one choice."""
OVERLAPS = {
    "0": ("Not at all", timedelta(0)),
    "1": ("1 hour", timedelta(hours=1)),
    "24": ("24 hours", timedelta(hours=24)),
    "168": ("7 days", timedelta(days=7)),
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


class KeyRules:
    """What holds for a key's name, permissions and addresses, in whichever form they are set."""

    cleaned_data: dict[str, Any]

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


class KeyForm(KeyRules, forms.Form):
    """What the owner of a key may set, and change later."""

    name = forms.CharField(
        max_length=names.MAX_LENGTH,
        help_text="What will use the key, for example “Production API”.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={
            "required": "Give the key a name.",
            "max_length": "A name has at most %(limit_value)d characters; this one has %(show_value)d.",
        },
    )
    permissions = permission_field()
    allowed_networks = forms.CharField(
        label="Allowed IP addresses",
        required=False,
        help_text="Optional: empty allows any address. One address or range a line, IPv4 or IPv6, "
        "such as 203.0.113.7 or 2001:db8::/32.",
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "autocomplete": "off"}),
    )

    def add_address(self, address: IPAddress | None) -> None:
        """Put ``address`` at the end of what was typed, and judge nothing yet."""
        lines = self.data.get("allowed_networks", "").splitlines()
        if address is not None and str(address) not in map(str.strip, lines):
            lines.append(str(address))
        self.data = overridden(self.data, "allowed_networks", "\n".join(lines).strip("\n"))
        self._errors = ErrorDict()


class OnceForm(forms.Form):
    """A form that makes one key, however often it is sent: it carries a token that works once."""

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
            self.add_error(None, "This form was out of date. Nothing was made: check it and send it again.")
        return cleaned


class NewKeyForm(OnceForm, KeyForm):
    expires_on = forms.DateField(
        label="Last day",
        required=False,
        help_text="The key works through the end of this day, UTC.",
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": "Enter a day such as 2030-12-31."},
    )

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        kwargs["initial"] = {"permissions": ["read"], "expires": "90", **kwargs.get("initial", {})}
        super().__init__(*args, **kwargs)
        self.now = now
        self.fields["expires"] = forms.ChoiceField(
            choices=[
                *((str(days), f"{days} days – {short_day(now + timedelta(days))}") for days in LIFETIMES),
                ("date", "On a date of your own"),
                ("never", "Never"),
            ],
            help_text="A key that expires does less harm when it leaks.",
            error_messages={
                "required": "Choose when the key expires.",
                "invalid_choice": "Choose from the list when the key expires.",
            },
        )
        self.order_fields(["name", "permissions", "expires", "expires_on", "allowed_networks"])
        limits = {"min": now.date().isoformat(), "max": (now + LONGEST_LIFETIME).date().isoformat()}
        self.fields["expires_on"].widget.attrs.update(limits)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        expires = str(cleaned.get("expires"))
        cleaned["expires_at"] = None
        if expires == "date":
            cleaned["expires_at"] = self.end_of(cleaned.get("expires_on"))
        else:
            self.errors.pop("expires_on", None)
            if expires in map(str, LIFETIMES):
                cleaned["expires_at"] = self.now + timedelta(days=int(expires))
        return cleaned

    @property
    def values(self) -> dict[str, Any]:
        """What ``issue`` takes, once the form is valid."""
        fields = ("name", "permissions", "allowed_networks", "expires_at", "form_token")
        return {field: self.cleaned_data[field] for field in fields}

    def end_of(self, chosen: date | None) -> datetime | None:
        """Return the last moment of the ``chosen`` day, UTC; add an error if it makes no sense."""
        if "expires_on" in self.errors:
            return None
        if chosen is None:
            self.add_error("expires_on", "Choose the last day on which the key works.")
        elif chosen < self.now.date():
            self.add_error("expires_on", f"{day(chosen)} is past. Choose today or a later day.")
        elif chosen > (self.now + LONGEST_LIFETIME).date():
            last = day(self.now + LONGEST_LIFETIME)
            self.add_error(
                "expires_on", f"{day(chosen)} is too far away. Choose a day up to {last}, or Never."
            )
        else:
            return datetime.combine(chosen, time.max, UTC)
        return None


class RotateForm(OnceForm):
    overlap = forms.ChoiceField(
        label="The old key works on for",
        choices=[(value, label) for value, (label, _) in OVERLAPS.items()],
        initial="24",
        widget=forms.RadioSelect,
        error_messages={"required": "Choose how long the old key works on."},
    )

    def clean_overlap(self) -> timedelta:
        return OVERLAPS[self.cleaned_data["overlap"]][1]


class FilterForm(forms.Form):
    """What the list shows; what makes no sense in it is as if it were not there."""

    q = forms.CharField(
        label="Search", required=False, max_length=200, widget=forms.TextInput(attrs={"type": "search"})
    )
    state = forms.ChoiceField(
        label="Status",
        required=False,
        choices=[
            ("", "All"),
            *((state.value, state.label) for state in KeyState),
        ],
    )


def prefill(query: QueryDict) -> dict[str, Any]:
    """Return what ``?name=…&permissions=read,write`` fills into the form; it ignores what it must."""
    initial: dict[str, Any] = {}
    name = "".join(character for character in query.get("name", "") if character.isprintable()).strip()
    if name:
        initial["name"] = name[: names.MAX_LENGTH]
    asked = query.get("permissions", "").lower().replace(" ", "").split(",")
    permissions = [name for name in Permission(7).names if name in asked]
    if permissions:
        initial["permissions"] = permissions
    return initial


def overridden(data: Mapping[str, Any], name: str, value: str) -> MultiValueDict[str, Any]:
    """Return what was sent, but with ``value`` for ``name``."""
    copied: MultiValueDict[str, Any] = MultiValueDict()
    copied.update(data)
    copied[name] = value
    return copied


def settings_of(key: APIKey) -> dict[str, Any]:
    """Return what ``KeyForm`` shows of ``key``."""
    return {
        "name": key.name,
        "permissions": key.granted.names,
        "allowed_networks": key.allowed_networks,
    }


def day(moment: date) -> str:
    return date_format(moment, "j F Y")


def short_day(moment: date) -> str:
    """Return ``moment`` as it fits into a narrow select."""
    return date_format(moment, "j M Y")
