"""Shares verified keys through Redis, so that a new process needn't run Argon2 for each of them again.

A process queries Redis only for keys that it hasn't verified itself.
"""

from __future__ import annotations

from apikeys.auth import shared_cache

SECONDS = 30 * 24 * 3600
"""How long a key is remembered after a process has last verified it."""

WHAT = "verified keys"


class VerifiedKeys:
    """A ``hashing.SharedCache`` in Redis; without Redis it is empty."""

    def get(self, name: bytes) -> bytes | None:
        redis = shared_cache.redis()
        if redis is None:
            return None
        return shared_cache.attempt(lambda: _bytes(redis.get(_key(name))), lambda: None, WHAT)

    def set(self, name: bytes, proof: bytes) -> None:
        redis = shared_cache.redis()
        if redis is not None:
            shared_cache.attempt(lambda: redis.set(_key(name), proof, ex=SECONDS), lambda: None, WHAT)


def _key(name: bytes) -> str:
    return f"wizchat:verified:{name.hex()}"


def _bytes(value: object) -> bytes | None:
    return value if isinstance(value, bytes) else None


verified_keys = VerifiedKeys()
