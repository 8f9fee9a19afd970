"""Settings > Notifications."""

from __future__ import annotations

from django.urls import path

from apikeys.notices import views

app_name = "notices"
urlpatterns = [path("", views.notification_settings, name="settings")]
