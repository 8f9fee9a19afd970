"""The filters of the list of keys and of the activity page, neither of which ever shows a whole key."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponseRedirect

from apikeys.core import keyformat
from apikeys.models import KeyEvent, KeyState


class FilterForm(forms.Form):
    """Filters of the list of keys; invalid ones are ignored."""

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
    """Filters of the activity page; invalid ones are ignored."""

    key = forms.CharField(
        required=False,
        max_length=200,
        label="Key name or ID",
        widget=forms.TextInput(attrs={"type": "search"}),
    )
    action = forms.ChoiceField(required=False, choices=[("", "All"), *KeyEvent.Action.choices])


def redirect_to_id(request: HttpRequest, field: str) -> HttpResponseRedirect | None:
    """Return a redirect to the id of the whole key in the search ``field``, so that no URL keeps the key.

    What is around the key, such as ``Bearer``, is dropped.
    """
    searched = request.GET.get(field, "").strip()
    if keyformat.redact(searched) == searched:
        return None
    query = request.GET.copy()
    query[field] = keyformat.redact(next(keyformat.find(searched), searched))
    return HttpResponseRedirect(f"{request.path}?{query.urlencode()}")
