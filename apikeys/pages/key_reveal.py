"""Settings > API: the response to Create and Rotate, which shows the new key once."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render

from apikeys.models import APIKey, Rotation
from apikeys.pages import advice
from apikeys.pages.requests import SignedInRequest, address_warnings


def reveal(request: SignedInRequest, key: APIKey, raw: str, *, typed: str = "") -> HttpResponse:
    """Respond with the new key. This is the only page that ever shows it, and nothing may store the page."""
    context = {
        "key": key,
        "raw": raw,
        "rotation": Rotation.objects.filter(new=key).select_related("old").first(),
        "rewritten": advice.rewritten(typed, key.allowed_networks),
        "warnings": address_warnings(request, key),
        "api": f"{settings.SITE_URL}/v1/chatbots",
    }
    response = render(request, "apikeys/key_reveal.html", context)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
