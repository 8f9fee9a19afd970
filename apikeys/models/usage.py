"""How often keys are presented, and with what outcome."""

from __future__ import annotations

from datetime import timedelta

from django.db import models

USER_AGENT_LENGTH = 200
METHOD_LENGTH = 10
ROUTE_LENGTH = 200
USAGE_KEPT = timedelta(days=90)
"""How long housekeeping keeps usage by default, and the most that the API returns."""


class KeyUsage(models.Model):
    """How often a key was presented within one hour, with what outcome, from where.

    ``outcome`` is one of ``core.outcomes.COUNTED``, which has their labels; declared as choices,
    each new one would need a migration. An empty address stands for addresses that are unknown or too
    many to tell apart.
    """

    key = models.ForeignKey("apikeys.APIKey", models.CASCADE, related_name="usage", db_index=False)
    hour = models.DateTimeField()
    outcome = models.CharField(max_length=12)
    address = models.CharField(max_length=45, blank=True)
    count = models.PositiveBigIntegerField()
    last_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "key usage"
        constraints = (
            models.UniqueConstraint(fields=["key", "hour", "outcome", "address"], name="usage_row_unique"),
        )
        indexes = (models.Index(fields=["hour"], name="usage_hour"),)

    def __str__(self) -> str:
        return f"{self.count} {self.outcome} {self.hour:%Y-%m-%d %H}:00"
