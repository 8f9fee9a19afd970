"""The admin's site, whose searches leave no whole key in a URL."""

from __future__ import annotations

from functools import wraps
from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse

from apikeys.pages.filters import redirect_to_id


class RedactingAdminSite(AdminSite):
    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Redirect a search for a whole key to its id, whatever is searched, even before signing in."""
        checked = super().admin_view(view, cacheable)

        @wraps(checked)
        def redirecting(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            return redirect_to_id(request, "q") or checked(request, *args, **kwargs)

        return redirecting
