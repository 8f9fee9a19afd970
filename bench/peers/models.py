from __future__ import annotations

from hashlib import sha256

from django.conf import settings
from django.db import models


class HashedKey(models.Model):
    """A key as django-ninja's users store one: the owner, and a SHA-256 digest to find it by."""

    digest = models.CharField(max_length=64, unique=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)

    def __str__(self) -> str:
        return self.digest[:8]

    @staticmethod
    def digest_of(raw: str) -> str:
        return sha256(raw.encode()).hexdigest()
