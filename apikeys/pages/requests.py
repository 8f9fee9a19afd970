"""Helpers that read the requests to Settings > API."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from apikeys.auth.requests import client_ip
from apikeys.core import keyformat
from apikeys.models import APIKey, Origin
from apikeys.pages import advice


class SignedInRequest(HttpRequest):
    user: User


def address_warnings(request: HttpRequest, key: APIKey) -> list[str]:
    """Return what the author of the key's address list may not have meant."""
    return advice.warnings(
        key.allowed_networks,
        own=client_ip(request.META),
        behind_proxy=bool(settings.TRUSTED_PROXIES),
    )


def origin(request: HttpRequest) -> Origin:
    """Return the origin of a change made on a page."""
    return Origin(str(client_ip(request.META) or ""))


def back_url(request: HttpRequest, key: APIKey) -> str:
    """Return the page of Settings > API that led here, to go back to; the key's own if unknown."""
    url = list_url(request, request.headers.get("Referer", ""))
    return f"{url}#{key.key_id}" if url else reverse("apikeys:detail", args=[key.key_id])


def list_url(request: HttpRequest, url: str) -> str:
    """Return ``url`` if it is the list of keys on this site, with its filter, else ""."""
    if url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure()):
        parts = urlsplit(url)
        if parts.path == reverse("apikeys:list"):
            query = keyformat.redact(parts.query)  # someone may have searched for a whole key
            return f"{parts.path}{'?' if query else ''}{query}"
    return ""
