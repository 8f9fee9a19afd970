from __future__ import annotations

from django.http import HttpResponse
from django.urls import path

app_name = "apikeys"
urlpatterns = [path("", lambda request: HttpResponse(), name="list")]
