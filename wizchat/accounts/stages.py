"""The steps of signing in that differ from allauth's."""

from __future__ import annotations

from allauth.account import stages
from django.http import HttpResponse

from wizchat.accounts.models import signed_up


class EmailVerificationStage(stages.EmailVerificationStage):  # type: ignore[misc]  # allauth ships no types
    """Requires a verified address of people who signed up; operators' accounts need none."""

    def handle(self) -> tuple[HttpResponse | None, bool]:
        user = self.login.user
        if user is not None and not signed_up(user):
            return None, True
        answer: tuple[HttpResponse | None, bool] = super().handle()
        return answer
