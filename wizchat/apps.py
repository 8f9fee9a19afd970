"""Puts our own site behind Django's admin."""

from django.contrib.admin.apps import AdminConfig


class RedactingAdminConfig(AdminConfig):
    default_site = "wizchat.admin_site.RedactingAdminSite"
