"""Every URL of the site except the probes (observability/probes.py): the API under `/v1/`, then pages."""

from __future__ import annotations

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from apikeys.leaks.pages import report_key
from wizchat import error_pages, views
from wizchat.accounts import views as account_views
from wizchat.api.errors import unknown_path

admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]  # allauth's documented hook

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="apikeys:list")),
    path("accounts/email/", account_views.EmailView.as_view(), name="account_email"),
    re_path(
        r"^accounts/confirm-email/(?P<key>[-:\w]+)/$",
        account_views.ConfirmEmailView.as_view(),
        name="account_confirm_email",
    ),
    path("accounts/sessions/", account_views.SessionsView.as_view(), name="usersessions_list"),
    path("accounts/", include("allauth.urls")),
    # The admin's own form doesn't limit guesses.
    path("admin/password_change/", RedirectView.as_view(pattern_name="account_change_password")),
    path("admin/", admin.site.urls),
    path("settings/", RedirectView.as_view(pattern_name="apikeys:list")),
    path("settings/api/", include("apikeys.pages.urls")),
    path("settings/notifications/", include("apikeys.notices.urls")),
    path("report-key/", report_key, name="report_key"),
    path("docs/", views.api_reference, name="docs"),
    path("v1/", include("chatbots.urls")),
    path("v1/", include("apikeys.api.urls")),
    path("v1/", include("apikeys.leaks.urls")),
    path("v1/", include("wizchat.api.urls")),
    re_path(r"^v1(?:/|$)", unknown_path),
]

handler400 = error_pages.bad_request
handler403 = error_pages.permission_denied
handler404 = error_pages.not_found
handler500 = error_pages.server_error
