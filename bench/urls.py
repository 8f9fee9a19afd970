"""The project's addresses, and the stock view beside the one that it is measured against."""

from __future__ import annotations

from django.urls import path

from bench import views
from wizchat import urls
from wizchat.urls import handler404, handler500

__all__ = ["handler404", "handler500", "urlpatterns"]

# Under /v1/, so that it goes through the same middleware.
urlpatterns = [path("v1/stock", views.StockChatbotList.as_view()), *urls.urlpatterns]
