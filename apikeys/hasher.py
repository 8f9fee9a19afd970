"""The hasher of this process, at the configured Argon2 cost."""

from __future__ import annotations

from django.conf import settings

from apikeys.core.hashing import KeyHasher

HASHER = KeyHasher(**settings.API_KEY_ARGON2)
