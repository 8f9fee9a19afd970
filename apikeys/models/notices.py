"""Emails that wait to be sent, and which ones an owner wants."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.db import models

CLAIMED_FOR = timedelta(minutes=3)
"""A worker that takes longer was killed: the mail server has ``EMAIL_TIMEOUT`` for each step."""
FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(hours=1)


class NoticeQuerySet(models.QuerySet["Notice"]):
    def waiting(self) -> Self:
        return self.filter(sent_at=None, dropped_at=None)

    def free(self, now: datetime) -> Self:
        """Waiting notices that no worker is sending."""
        return self.waiting().filter(models.Q(claimed_until=None) | models.Q(claimed_until__lte=now))


class Notice(models.Model):
    """One email to a key's owner. ``unique_for`` identifies what it reports.

    ``facts`` is what the email says beyond the key and its event.
    """

    class Kind(models.TextChoices):
        CREATED = "created"
        ROTATED = "rotated"
        REVOKED = "revoked"
        WIDENED = "widened"
        EXPIRING = "expiring"
        REPORTED = "reported"
        WRONG_ADDRESS = "wrong_address"
        ENDED_IN_USE = "ended_in_use"

    key = models.ForeignKey("apikeys.APIKey", models.CASCADE, related_name="notices")
    event = models.ForeignKey("apikeys.KeyEvent", models.CASCADE, null=True, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind)
    unique_for = models.CharField(max_length=100, unique=True)
    facts = models.JSONField(default=dict)
    queued_at = models.DateTimeField()
    due_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    dropped_at = models.DateTimeField(null=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        indexes = (
            models.Index(
                fields=["due_at"],
                name="notice_waiting",
                condition=models.Q(sent_at=None, dropped_at=None),
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.unique_for}"

    def claim(self, now: datetime) -> bool:
        """Claim the notice for this worker; return whether no other worker had it."""
        self.claimed_until = now + CLAIMED_FOR
        self.attempts += 1
        free = Notice.objects.free(now).filter(pk=self.pk)
        return bool(free.update(claimed_until=self.claimed_until, attempts=models.F("attempts") + 1))

    def note_sent(self, now: datetime) -> None:
        self._mine().update(sent_at=now, claimed_until=None)

    def drop(self, now: datetime) -> None:
        """Never send it: nobody may get it any more, or the recipient is permanently refused."""
        self._mine().update(dropped_at=now, claimed_until=None)

    def postpone(self, now: datetime) -> None:
        """Try again later, after a pause that doubles with each attempt."""
        pause = min(FIRST_PAUSE * 2 ** min(self.attempts - 1, 20), LONGEST_PAUSE)
        self._mine().update(due_at=now + pause, claimed_until=None)

    def _mine(self) -> NoticeQuerySet:
        return Notice.objects.waiting().filter(pk=self.pk, claimed_until=self.claimed_until)


class NoticeChoices(models.Model):
    """Which emails an owner wants; without a row, all of them."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="notice_choices"
    )
    created = models.BooleanField("A key is created", default=True)
    rotated = models.BooleanField("A key is rotated", default=True)
    expiring = models.BooleanField("A key expires soon", default=True)
    ended_in_use = models.BooleanField("A revoked or expired key is still in use", default=True)

    class Meta:
        verbose_name_plural = "notice choices"

    def __str__(self) -> str:
        return f"Choices of {self.user}"
