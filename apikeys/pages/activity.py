"""Settings > API > Activity: everything that happened to the owner's keys."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apikeys.models import KeyEvent
from apikeys.pages.display import actor, described
from apikeys.pages.filters import ActivityForm, redirect_to_id
from apikeys.pages.requests import SignedInRequest

PAGE_SIZE = 50
COLUMNS = ("Time (UTC)", "Action", "Key", "Key ID", "By", "IP address", "Details")
FORMULA = re.compile(r"(^|;)(?=\s*[=+\-@\t\r＝＋－＠])")
"""Where a spreadsheet would start a formula. In many countries a semicolon starts another cell, too."""


@require_safe
@login_required
@never_cache
def activity(request: SignedInRequest) -> HttpResponseBase:
    if elsewhere := redirect_to_id(request, "key"):
        return elsewhere
    query = request.GET.copy()
    filters = ActivityForm(query)
    events = filtered(request, filters)
    if query.get("format") == "csv":
        return as_csv(events)
    for name in [name for name in query if name in {"page", "format"} or not query[name]]:
        del query[name]
    context = {
        "page": Paginator(events, PAGE_SIZE).get_page(request.GET.get("page", "")),
        "filters": filters,
        "query": query.urlencode(),
        "now": timezone.now(),
    }
    return render(request, "apikeys/activity.html", context)


def filtered(request: SignedInRequest, filters: ActivityForm) -> QuerySet[KeyEvent]:
    events = KeyEvent.objects.filter(key__owner=request.user).select_related("key")
    filters.is_valid()
    if text := filters.cleaned_data.get("key"):
        events = events.filter(key__in=request.user.api_keys.matching(text))
    if action := filters.cleaned_data.get("action"):
        events = events.filter(action=action)
    return events


def as_csv(events: QuerySet[KeyEvent]) -> StreamingHttpResponse:
    """Respond with all ``events``, streamed row by row."""
    writer = csv.writer(Echo())
    response = StreamingHttpResponse(
        (writer.writerow([plain(cell) for cell in row]) for row in rows(events)),
        content_type="text/csv; charset=utf-8",
    )
    response.headers["Content-Disposition"] = 'attachment; filename="wizchat-activity.csv"'
    return response


def rows(events: QuerySet[KeyEvent]) -> Iterator[tuple[str, ...]]:
    yield COLUMNS
    for event in events.iterator(chunk_size=500):
        yield (
            f"{event.at:%Y-%m-%dT%H:%M:%SZ}",
            event.get_action_display(),
            event.key.name,
            event.key.key_id,
            actor(event),
            event.ip,
            described(event),
        )


def plain(cell: str) -> str:
    """Return ``cell`` so that a spreadsheet shows it as text (OWASP, CSV Injection)."""
    return FORMULA.sub(r"\1'", cell)


class Echo:
    """A file that returns what is written to it."""

    def write(self, line: str) -> str:
        return line
