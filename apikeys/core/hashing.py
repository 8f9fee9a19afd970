"""Argon2id at rest, and the memo of proofs already done. Pure: no database, no settings.

A verification costs tens of milliseconds and 19 MiB. A process pays it the first time it
sees a key; from then on a keyed digest of (stored encoding, presented key) stands for the
proof. The memo remembers that a key is genuine, never that it may be used.
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

from apikeys.core.metrics import ARGON2_SECONDS, MEMO_HITS

MEMO_SIZE = 50_000
"""Proofs a process remembers, a few hundred bytes each."""

MAX_CONCURRENT = min(os.cpu_count() or 1, 8)
"""Argon2 computations at a time: more would not be faster, only larger."""


class KeyHasher:
    """Encodes keys and verifies them, at one Argon2id cost.

    ``memory_cost`` is in KiB. Few Argon2 computations run at a time, so that
    a burst of first uses costs time instead of memory.
    """

    def __init__(self, *, memory_cost: int, time_cost: int, parallelism: int) -> None:
        self._argon2 = PasswordHasher(
            time_cost=time_cost, memory_cost=memory_cost, parallelism=parallelism, type=Type.ID
        )
        self._memo_key = secrets.token_bytes(32)
        self._proofs: LRUCache[bytes, bool] = LRUCache(MEMO_SIZE)
        self._pending: dict[bytes, Lock] = {}
        self._lock = Lock()
        # Threads of its own: each thread that allocates may keep what it allocated.
        self._threads = ThreadPoolExecutor(MAX_CONCURRENT, thread_name_prefix="argon2")

    def encode(self, raw: str) -> str:
        """Return the Argon2id encoding (PHC string format) of ``raw`` with a new salt."""
        return self._threads.submit(self._encode, raw).result()

    def verify(self, encoding: str, raw: str) -> bool:
        """Return whether ``raw`` is the key behind ``encoding``; Argon2 runs once per proof.

        An encoding that is empty, cut or of another kind verifies nothing.
        """
        return self.remembers(encoding, raw) or self._verify_once(self._digest(encoding, raw), encoding, raw)

    def remembers(self, encoding: str, raw: str) -> bool:
        """Return whether this process has verified ``raw`` against ``encoding`` already."""
        digest = self._digest(encoding, raw)
        with self._lock:
            remembered = self._proofs.get(digest, False)
        if remembered:
            MEMO_HITS.inc()
        return remembered

    def needs_rehash(self, encoding: str) -> bool:
        """Return whether ``encoding`` was made at another cost than today's."""
        return self._argon2.check_needs_rehash(encoding)

    def _digest(self, encoding: str, raw: str) -> bytes:
        # Keyed BLAKE2b: a fifth of what HMAC through OpenSSL takes, on every request.
        return blake2b(f"{encoding}\0{raw}".encode(), digest_size=32, key=self._memo_key).digest()

    def _verify_once(self, digest: bytes, encoding: str, raw: str) -> bool:
        with self._lock:
            pending = self._pending.setdefault(digest, Lock())
        with pending:
            if self.remembers(encoding, raw):
                return True
            try:
                proved = self._threads.submit(self._prove, encoding, raw).result()
                if proved:
                    with self._lock:
                        self._proofs[digest] = True
            finally:
                with self._lock:
                    self._pending.pop(digest, None)
        return proved

    @ARGON2_SECONDS.time()
    def _encode(self, raw: str) -> str:
        return self._argon2.hash(raw)

    @ARGON2_SECONDS.time()
    def _prove(self, encoding: str, raw: str) -> bool:
        try:
            return self._argon2.verify(encoding, raw)
        except (VerificationError, ValueError):
            return False
