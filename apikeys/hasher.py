"""The hasher of this process, at the configured Argon2 cost, and the proof that a key is genuine."""

from __future__ import annotations

from hmac import compare_digest

from django.conf import settings
from django.utils.crypto import salted_hmac

from apikeys.core.hashing import KeyHasher, SharedCache
from apikeys.core.keyformat import CHECKSUM_LENGTH

# Derived from SECRET_KEY, so that processes that share verified keys agree on it.
_cache_key = salted_hmac("apikeys.hasher.verified", "", algorithm="sha256").digest()
HASHER = KeyHasher(**settings.API_KEY_ARGON2, cache_key=_cache_key)


def proves(raw: str, *, checksum: str, key_hash: str, shared: SharedCache | None = None) -> bool:
    """Return whether ``raw``, a well-formed key, is the genuine key behind the stored values.

    The stored checksum rejects a forged secret before Argon2 runs, except once in 2**32.
    """
    return has_checksum(raw, checksum) and HASHER.verify(key_hash, raw, shared=shared)


def has_checksum(raw: str, checksum: str) -> bool:
    return compare_digest(checksum, raw[-CHECKSUM_LENGTH:])
