"""What the list of keys and the activity page are narrowed to, and how a whole key is kept out of both."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponseRedirect

from apikeys.core import keyformat
from apikeys.models import KeyEvent, KeyState


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


class ActivityForm(forms.Form):
    """Which events the activity page shows; filters that make no sense are ignored."""

    key = forms.CharField(
        required=False,
        max_length=200,
        label="Key name or ID",
        widget=forms.TextInput(attrs={"type": "search"}),
    )
    action = forms.ChoiceField(required=False, choices=[("", "All"), *KeyEvent.Action.choices])


def redirect_to_id(request: HttpRequest, field: str) -> HttpResponseRedirect | None:
    """Return a redirect to the id of the whole key in the search ``field``, so that no URL keeps the key."""
    searched = request.GET.get(field, "").strip()
    if keyformat.redact(searched) == searched:
        return None
    query = request.GET.copy()
    query[field] = keyformat.redact(searched)
    return HttpResponseRedirect(f"{request.path}?{query.urlencode()}")
