"""Deletes keys that are in use, while other processes write their usage."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db.models.signals import pre_delete
from django.dispatch import receiver

from apikeys.models import APIKey


@receiver(pre_delete, sender=User, dispatch_uid="usage.lock_keys_of")
def lock_keys_of(instance: User, **kwargs: Any) -> None:
    """Lock an owner's keys in the transaction that deletes them: usage written now would refer to no key."""
    keys = APIKey.objects.filter(owner=instance).order_by("pk")
    list(keys.select_for_update().values_list("pk", flat=True))
