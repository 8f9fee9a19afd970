"""The page on which anyone can report a leaked key."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from apikeys.auth.requests import client_ip
from apikeys.leaks import handling


class ReportForm(forms.Form):
    leaked_key = forms.CharField(
        label="Leaked key",
        max_length=100_000,
        widget=forms.Textarea(
            attrs={"rows": 4, "autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
        ),
        error_messages={"required": "Paste the key that leaked."},
    )


@sensitive_post_parameters("leaked_key")
@sensitive_variables("form")
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def report_key(request: HttpRequest) -> HttpResponse:
    """Take a report; the response is the same for a genuine key and anything else, and never shows it."""
    if request.method != "POST":
        return answer(request, form=ReportForm())
    form = ReportForm(request.POST)
    if not form.is_valid():
        blank = ReportForm({})
        blank.full_clean()
        blank.errors["leaked_key"] = form.errors["leaked_key"]
        return answer(request, form=blank)
    ip = client_ip(request.META)
    try:
        handling.count_report(ip)
    except handling.TooManyReports as refused:
        response = render(request, "leaks/too_many.html", status=429)
        response.headers["Retry-After"] = str(refused.wait)
        return response
    text = form.cleaned_data["leaked_key"]
    handling.report([text], now=timezone.now(), ip=str(ip or ""), where="Reported on the website")
    return answer(request)


def answer(request: HttpRequest, form: ReportForm | None = None) -> HttpResponse:
    return render(request, "leaks/report.html", {"form": form})
