"""Argon2id at rest, and the cache of keys already verified. Pure: no database, no settings.

A verification costs tens of milliseconds and 19 MiB. A process pays that the first time it sees a key;
from then on it only looks up a keyed digest of (stored hash, presented key). The verified cache remembers
that a key is genuine, never that it may be used. Processes can share which keys they have verified, so
that a new process doesn't verify every key again.
"""

from __future__ import annotations

import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from hmac import compare_digest
from threading import Lock
from typing import Protocol

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from argon2.low_level import Type
from cachetools import LRUCache

from apikeys.core.metrics import ARGON2_SECONDS, VERIFIED_CACHE_HITS

VERIFIED_CACHE_SIZE = 50_000
"""Verified keys that a process remembers, a few hundred bytes each."""

MAX_CONCURRENT = min(os.cpu_count() or 1, 8)
"""Argon2 computations at a time: more would only use more memory."""


class SharedCache(Protocol):
    """Where processes share which keys they have verified; neither method raises."""

    def get(self, name: bytes) -> bytes | None:
        """Return the proof that was stored under ``name``."""

    def set(self, name: bytes, proof: bytes) -> None:
        """Store a proof; 32 bytes each."""


class KeyHasher:
    """Hashes and verifies keys at one Argon2id cost.

    ``memory_cost`` is in KiB. Only a few Argon2 computations run at a time, so that a burst of
    first uses costs time instead of memory. Hashers with the same ``cache_key``, a secret, can share
    verified keys.
    """

    def __init__(
        self, *, memory_cost: int, time_cost: int, parallelism: int, cache_key: bytes | None = None
    ) -> None:
        self._argon2 = PasswordHasher(
            time_cost=time_cost, memory_cost=memory_cost, parallelism=parallelism, type=Type.ID
        )
        self._cache_key = cache_key or secrets.token_bytes(32)
        self._verified: LRUCache[bytes, bool] = LRUCache(VERIFIED_CACHE_SIZE)
        self._pending: dict[bytes, Lock] = {}
        self._lock = Lock()
        # A few dedicated threads, because each thread that allocates Argon2's memory may keep it.
        self._threads = ThreadPoolExecutor(MAX_CONCURRENT, thread_name_prefix="argon2")

    def hash(self, raw: str) -> str:
        """Return the Argon2id hash (PHC string format) of ``raw`` with a new salt."""
        return self._threads.submit(self._hash, raw).result()

    def verify(self, key_hash: str, raw: str, *, shared: SharedCache | None = None) -> bool:
        """Return whether ``raw`` is the key behind ``key_hash``; Argon2 runs once for a genuine key.

        No key matches a hash that is empty, truncated or of another kind.
        """
        return self.remembers(key_hash, raw) or self._verify_once(key_hash, raw, shared)

    def remembers(self, key_hash: str, raw: str) -> bool:
        """Return whether this process has verified ``raw`` against ``key_hash`` already."""
        digest = self._digest(key_hash, raw)
        with self._lock:
            remembered = self._verified.get(digest, False)
        if remembered:
            VERIFIED_CACHE_HITS.inc()
        return remembered

    def needs_rehash(self, key_hash: str) -> bool:
        """Return whether ``key_hash`` has another cost than this hasher's."""
        return self._argon2.check_needs_rehash(key_hash)

    def _digest(self, key_hash: str, raw: str) -> bytes:
        # Keyed BLAKE2b (RFC 7693) costs a fifth of an HMAC that goes through OpenSSL.
        return blake2b(f"{key_hash}\0{raw}".encode(), digest_size=64, key=self._cache_key).digest()

    def _verify_once(self, key_hash: str, raw: str, shared: SharedCache | None) -> bool:
        digest = self._digest(key_hash, raw)
        with self._lock:
            pending = self._pending.setdefault(digest, Lock())
        with pending:
            if self.remembers(key_hash, raw):
                return True
            try:
                proved = (
                    _is_shared(digest, shared)
                    or self._threads.submit(self._run_argon2, key_hash, raw).result()
                )
                if proved:
                    with self._lock:
                        self._verified[digest] = True
                    if shared is not None:
                        shared.set(digest[:32], digest[32:])
            finally:
                with self._lock:
                    self._pending.pop(digest, None)
        return proved

    @ARGON2_SECONDS.time()
    def _hash(self, raw: str) -> str:
        return self._argon2.hash(raw)

    @ARGON2_SECONDS.time()
    def _run_argon2(self, key_hash: str, raw: str) -> bool:
        try:
            return self._argon2.verify(key_hash, raw)
        except (VerificationError, ValueError):
            return False


def _is_shared(digest: bytes, shared: SharedCache | None) -> bool:
    """Return whether another process has verified the key.

    One half of the digest is the name, the other half the proof: someone who can read and write the
    shared cache can learn a forged key's name, but can't compute its proof.
    """
    proof = shared.get(digest[:32]) if shared is not None else None
    return proof is not None and compare_digest(proof, digest[32:])
