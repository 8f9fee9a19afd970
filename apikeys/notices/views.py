"""Settings > Notifications: which emails an owner gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from apikeys.models import Notice, NoticeChoices
from apikeys.pages.requests import SignedInRequest

if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[NoticeChoices]
else:  # generic only for the type checker
    _ModelForm = forms.ModelForm


class ChoicesForm(_ModelForm):
    class Meta:
        model = NoticeChoices
        fields = ("created", "rotated", "expiring", "ended_in_use")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
@never_cache
def notification_settings(request: SignedInRequest) -> HttpResponse:
    choices = NoticeChoices.objects.filter(pk=request.user.pk).first() or NoticeChoices(user=request.user)
    form = ChoicesForm(request.POST if request.method == "POST" else None, instance=choices)
    if form.is_valid():
        NoticeChoices.objects.update_or_create(user=request.user, defaults=form.cleaned_data)
        messages.success(request, "Your notification settings are saved.")
        return redirect("notices:settings")
    return render(
        request, "notices/settings.html", {"form": form, "refused": Notice.objects.refused_last(request.user)}
    )
