"""The hasher of this process, at the configured Argon2 cost, and the check that comes before it."""

from __future__ import annotations

from hmac import compare_digest

from django.conf import settings
from django.utils.crypto import salted_hmac

from apikeys.core.hashing import KeyHasher
from apikeys.core.keyformat import CHECKSUM_LENGTH

# Derived from SECRET_KEY, so that processes that share verified keys agree on it.
_cache_key = salted_hmac("apikeys.hasher.verified", "", algorithm="sha256").digest()
HASHER = KeyHasher(**settings.API_KEY_ARGON2, cache_key=_cache_key)


def has_checksum(raw: str, checksum: str) -> bool:
    """Return whether ``raw``, a well-formed key, ends in the stored ``checksum``, in constant time.

    Asked before Argon2 runs, this rejects a forged secret except once in 2**32.
    """
    return compare_digest(checksum, raw[-CHECKSUM_LENGTH:])
