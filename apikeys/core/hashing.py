"""Argon2id at rest, and the cache of keys already verified. Pure: no database, no settings.

A verification costs tens of milliseconds and 19 MiB. A process pays it the first time it
sees a key; from then on a keyed digest of (stored hash, presented key) stands for it. The
verified cache remembers that a key is genuine, never that it may be used.
"""

from __future__ import annotations

import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from threading import Lock

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from argon2.low_level import Type
from cachetools import LRUCache

from apikeys.core.metrics import ARGON2_SECONDS, VERIFIED_CACHE_HITS

VERIFIED_CACHE_SIZE = 50_000
"""Verified keys that a process remembers, a few hundred bytes each."""

MAX_CONCURRENT = min(os.cpu_count() or 1, 8)
"""Argon2 computations at a time: more would only use more memory."""


class KeyHasher:
    """Hashes keys and verifies them, at one Argon2id cost.

    ``memory_cost`` is in KiB. Few Argon2 computations run at a time, so that
    a burst of first uses costs time instead of memory.
    """

    def __init__(self, *, memory_cost: int, time_cost: int, parallelism: int) -> None:
        self._argon2 = PasswordHasher(
            time_cost=time_cost, memory_cost=memory_cost, parallelism=parallelism, type=Type.ID
        )
        self._cache_key = secrets.token_bytes(32)
        self._verified: LRUCache[bytes, bool] = LRUCache(VERIFIED_CACHE_SIZE)
        self._pending: dict[bytes, Lock] = {}
        self._lock = Lock()
        # Its own threads, because each thread that allocates may keep the memory.
        self._threads = ThreadPoolExecutor(MAX_CONCURRENT, thread_name_prefix="argon2")

    def hash(self, raw: str) -> str:
        """Return the Argon2id hash (PHC string format) of ``raw`` with a new salt."""
        return self._threads.submit(self._hash, raw).result()

    def verify(self, key_hash: str, raw: str) -> bool:
        """Return whether ``raw`` is the key behind ``key_hash``; Argon2 runs once for each.

        A hash that is empty, cut or of another kind verifies nothing.
        """
        return self.remembers(key_hash, raw) or self._verify_once(self._digest(key_hash, raw), key_hash, raw)

    def remembers(self, key_hash: str, raw: str) -> bool:
        """Return whether this process has verified ``raw`` against ``key_hash`` already."""
        digest = self._digest(key_hash, raw)
        with self._lock:
            remembered = self._verified.get(digest, False)
        if remembered:
            VERIFIED_CACHE_HITS.inc()
        return remembered

    def needs_rehash(self, key_hash: str) -> bool:
        """Return whether ``key_hash`` was made at another cost than today's."""
        return self._argon2.check_needs_rehash(key_hash)

    def _digest(self, key_hash: str, raw: str) -> bytes:
        # Keyed BLAKE2b (RFC 7693) costs a fifth of an HMAC that goes through OpenSSL.
        return blake2b(f"{key_hash}\0{raw}".encode(), digest_size=32, key=self._cache_key).digest()

    def _verify_once(self, digest: bytes, key_hash: str, raw: str) -> bool:
        with self._lock:
            pending = self._pending.setdefault(digest, Lock())
        with pending:
            if self.remembers(key_hash, raw):
                return True
            try:
                proved = self._threads.submit(self._run_argon2, key_hash, raw).result()
                if proved:
                    with self._lock:
                        self._verified[digest] = True
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
