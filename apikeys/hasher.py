"""The hasher of this process, at the configured Argon2 cost."""

from __future__ import annotations

from django.conf import settings
from django.utils.crypto import salted_hmac

from apikeys.core.hashing import KeyHasher

# Derived from SECRET_KEY, so that processes that share verified keys agree on it.
_cache_key = salted_hmac("apikeys.hasher.verified", "", algorithm="sha256").digest()
HASHER = KeyHasher(**settings.API_KEY_ARGON2, cache_key=_cache_key)
