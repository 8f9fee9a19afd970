"""The form fields for a key's expiry."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils.formats import date_format

from apikeys.models import DEFAULT_LIFETIME, LONGEST_LIFETIME

LIFETIMES = (30, DEFAULT_LIFETIME.days, 365)
"""Days that a key may be given with one choice."""


class ExpiryForm(forms.Form):
    """Chooses when a key expires; ``cleaned_data["expires_at"]`` is missing if the expiry isn't to change."""

    expires_on = forms.DateField(
        label="Expiry date",
        required=False,
        help_text="Expires at the end of this day (UTC).",
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": "Enter a date such as 2030-12-31."},
    )

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = now
        self.fields["expires"] = forms.ChoiceField(
            choices=[
                *((str(days), f"{days} days – {short_day(now + timedelta(days))}") for days in LIFETIMES),
                ("date", "Custom date"),
                ("never", "Never"),
            ],
            error_messages={
                "required": "Choose when the key expires.",
                "invalid_choice": "Choose one of the listed expiry options.",
            },
        )
        self.order_fields(["name", "permissions", "expires", "expires_on", "allowed_networks"])
        limits = {"min": now.date().isoformat(), "max": (now + LONGEST_LIFETIME).date().isoformat()}
        self.fields["expires_on"].widget.attrs.update(limits)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        expires = str(cleaned.get("expires"))
        if expires == "date":
            cleaned["expires_at"] = self.end_of(cleaned.get("expires_on"))
            return cleaned
        self.errors.pop("expires_on", None)
        if expires == "never":
            cleaned["expires_at"] = None
        elif expires in map(str, LIFETIMES):
            cleaned["expires_at"] = self.now + timedelta(days=int(expires))
        return cleaned

    def end_of(self, chosen: date | None) -> datetime | None:
        """Return the last moment of the ``chosen`` day, UTC; add an error if it isn't allowed."""
        if "expires_on" in self.errors:
            return None
        if chosen is None:
            self.add_error("expires_on", "Choose an expiry date.")
        elif chosen < self.now.date():
            self.add_error("expires_on", f"{day(chosen)} is in the past. Choose today or a later date.")
        elif chosen > (self.now + LONGEST_LIFETIME).date():
            last = day(self.now + LONGEST_LIFETIME)
            self.add_error(
                "expires_on",
                f"That date is too far in the future. Choose a date up to {last}, or Never.",
            )
        else:
            return datetime.combine(chosen, time.max, UTC)
        return None


def day(moment: date) -> str:
    return date_format(moment, "j F Y")


def short_day(moment: date) -> str:
    """Return ``moment`` short enough for a narrow select."""
    return date_format(moment, "j M Y")
