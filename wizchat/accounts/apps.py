"""Connects the receivers for sign-ins and ended sessions, and registers the check of the mail server."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_delete, pre_save


class AccountsConfig(AppConfig):
    name = "wizchat.accounts"
    label = "accounts"

    def ready(self) -> None:
        from allauth.usersessions.models import UserSession

        import wizchat.email  # noqa: F401  # registers its check
        from wizchat.accounts.models import end_session, redact_user_agent
        from wizchat.accounts.reauthentication import note_sign_in

        pre_save.connect(redact_user_agent, UserSession, dispatch_uid="accounts.redact_user_agent")
        post_delete.connect(end_session, UserSession, dispatch_uid="accounts.end_session")
        user_logged_in.connect(note_sign_in, dispatch_uid="accounts.note_sign_in")
