"""The API reference: one page for people, made from the OpenAPI document and the catalogue of errors."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apikeys.models import Permission
from wizchat.api.catalogue import ERRORS
from wizchat.reference import entries
from wizchat.samples import all_pages, first_call

EXAMPLE_SITE = "https://api.wizchat.com"
"""The base URL in samples for readers who aren't signed in."""


@require_safe
def api_reference(request: HttpRequest) -> HttpResponse:
    base = settings.SITE_URL if request.user.is_authenticated else EXAMPLE_SITE
    context = {
        "groups": entries(base),
        "errors": ERRORS,
        "permissions": list(Permission),
        "base": base,
        "rate": settings.RATE_LIMIT,
        "first_call": first_call(base),
        "all_pages": all_pages(base),
    }
    return render(request, "docs/api_reference.html", context)
