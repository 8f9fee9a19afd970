"""Queued emails, and which ones an owner wants."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models

if TYPE_CHECKING:
    from django.contrib.auth.models import User

FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(hours=1)
REFUSAL_LENGTH = 200


class NoticeQuerySet(models.QuerySet["Notice"]):
    def waiting(self) -> Self:
        return self.filter(sent_at=None, dropped_at=None)

    def free(self, now: datetime) -> Self:
        """Return waiting notices that no worker has claimed, or whose claim has run out."""
        return self.waiting().filter(models.Q(claimed_until=None) | models.Q(claimed_until__lte=now))

    def refused_last(self, owner: User) -> Notice | None:
        """Return the last email that the mail server refused, unless it has accepted one since."""
        tried = self.filter(key__owner=owner).exclude(sent_at=None, refusal="")
        last = tried.order_by("-queued_at", "-pk").first()
        return last if last and last.sent_at is None else None

    def renew(self, worker: str, now: datetime) -> None:
        """Extend the claims of ``worker`` on the emails that it is still sending."""
        self.waiting().filter(claimed_by=worker, claimed_until__isnull=False).update(
            claimed_until=now + claim_length()
        )


class Notice(models.Model):
    """One email to a key's owner. ``unique_for`` identifies what it reports.

    ``facts`` is what the email says beyond the key and its event, ``refusal`` why the mail server last
    refused the recipient, and ``claimed_by`` the worker that last tried.
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
    claimed_by = models.CharField(max_length=32, blank=True, default="", db_default="")
    claimed_until = models.DateTimeField(null=True)
    refusal = models.CharField(max_length=REFUSAL_LENGTH, blank=True, default="", db_default="")
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

    def claim(self, worker: str, now: datetime) -> bool:
        """Claim the notice for ``worker``; return whether no other worker had it."""
        self.claimed_by = worker
        self.attempts += 1
        free = Notice.objects.free(now).filter(pk=self.pk)
        claimed = free.update(
            claimed_by=worker, claimed_until=now + claim_length(), attempts=models.F("attempts") + 1
        )
        return bool(claimed)

    def note_sent(self, now: datetime) -> None:
        """Record that the mail server accepted it, even if another worker has claimed it since."""
        Notice.objects.waiting().filter(pk=self.pk).update(sent_at=now, claimed_until=None)

    def drop(self, now: datetime, *, refusal: str = "") -> None:
        """Give up on it: nobody may receive it any more, or the mail server keeps refusing the recipient."""
        self._mine().update(dropped_at=now, claimed_until=None, refusal=refusal)

    def postpone(self, now: datetime, *, refusal: str = "") -> None:
        """Try again later, after a pause that doubles with each attempt."""
        pause = min(FIRST_PAUSE * 2 ** min(self.attempts - 1, 20), LONGEST_PAUSE)
        self._mine().update(due_at=now + pause, claimed_until=None, refusal=refusal)

    def _mine(self) -> NoticeQuerySet:
        return Notice.objects.waiting().filter(
            pk=self.pk, claimed_by=self.claimed_by, claimed_until__isnull=False
        )


def claim_length() -> timedelta:
    """Return how long a claim lasts if its worker doesn't renew it."""
    return timedelta(seconds=settings.EMAIL_CLAIM_SECONDS)


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
