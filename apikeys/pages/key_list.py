"""Settings > API: the list of keys."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.decorators import login_required
from django.contrib.messages import get_messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apikeys.models import APIKeyQuerySet, KeyState
from apikeys.pages.filters import FilterForm, redirect_to_id
from apikeys.pages.requests import SignedInRequest
from apikeys.usage import reports

PAGE_SIZE = 25
FILTER_FROM = 11
"""Number of keys from which on the list can be filtered."""


@require_safe
@login_required
@never_cache
def key_list(request: SignedInRequest) -> HttpResponse:
    if elsewhere := redirect_to_id(request, "q"):
        return elsewhere
    query = request.GET.copy()
    now = timezone.now()
    filters = FilterForm(query)
    total = request.user.api_keys.count()
    keys_of_owner = request.user.api_keys.with_rotations().live_first(now)
    number = request.GET.get("page", "")
    for name in [name for name in query if name == "page" or not query[name]]:
        del query[name]
    page = Paginator(filtered(keys_of_owner, filters, now), PAGE_SIZE).get_page(number)
    keys = list(page)
    days = reports.last_day(keys, now)
    # A message about a key appears in the key's row, if the page shows it.
    messages = list(get_messages(request))
    by_key = {message.extra_tags: message for message in messages}
    rows = [(key, days[key.pk], by_key.get(key.key_id)) for key in keys]
    listed = {key.key_id for key in keys}
    context = {
        "page": page,
        "rows": rows,
        "messages": [message for message in messages if message.extra_tags not in listed],
        "total": total,
        "filterable": total >= FILTER_FROM,
        "filters": filters,
        "query": query.urlencode(),
        "now": now,
    }
    return render(request, "apikeys/key_list.html", context)


def filtered(keys: APIKeyQuerySet, filters: FilterForm, now: datetime) -> APIKeyQuerySet:
    filters.is_valid()
    if text := filters.cleaned_data.get("q"):
        keys = keys.matching(text)
    if state := filters.cleaned_data.get("state"):
        keys = keys.in_state(KeyState(state), now)
    return keys
