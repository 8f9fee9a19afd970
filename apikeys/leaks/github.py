"""Verifies the signature of GitHub's secret-scanning reports (ECDSA, P-256, SHA-256 over the raw body).

See https://docs.github.com/code-security/secret-scanning/secret-scanning-partner-program.
"""

from __future__ import annotations

import json
import logging
import time
from base64 import b64decode
from contextlib import suppress
from http.client import HTTPException
from threading import BoundedSemaphore, Lock
from urllib.request import urlopen

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.conf import settings

logger = logging.getLogger(__name__)

TIMEOUT = 5
"""Timeout in seconds for each part of GitHub's response."""
FRESH = 3600
"""Seconds for which fetched keys are used."""
LARGEST = 1 << 20
LOCK_TIMEOUT = 1
"""Seconds that a request waits while another one fetches."""
MOST_AT_ONCE = 3
"""Requests that fetch or wait: each holds a thread, and anyone can send requests that trigger a fetch."""
PAUSE_AFTER_FAILURE = 2
LOOKUPS_PER_MINUTE = 10
"""Fetches for unknown identifiers: forged ones must not make us flood GitHub."""


class NotSigned(Exception):
    """None of GitHub's keys has signed this."""


class KeysUnavailable(Exception):
    """GitHub's keys cannot be fetched now."""


class PublicKeys:
    """GitHub's keys by identifier, as this process last fetched them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._room = BoundedSemaphore(MOST_AT_ONCE)
        self.forget()

    def forget(self) -> None:
        self._keys: dict[str, EllipticCurvePublicKey] = {}
        self._url = ""
        self._fresh_until = self._retry_at = 0.0
        self._failing = False
        self._lookups: list[float] = []

    def get(self, identifier: str) -> EllipticCurvePublicKey | None:
        """Return the key; if it isn't known, fetch the keys again. Raises ``KeysUnavailable``."""
        if not self._is_stale() and (known := self._keys.get(identifier)):
            return known
        # One request fetches at a time; the others don't tie up their threads for long.
        if not self._room.acquire(blocking=False):
            raise KeysUnavailable("other requests are fetching them")
        try:
            return self._look_up(identifier)
        finally:
            self._room.release()

    def _look_up(self, identifier: str) -> EllipticCurvePublicKey | None:
        if not self._lock.acquire(timeout=LOCK_TIMEOUT):
            raise KeysUnavailable("another request is fetching them")
        try:
            now = time.monotonic()
            if self._is_stale() or (identifier not in self._keys and self._may_look_up(now)):
                self._refresh(now)
            return self._keys.get(identifier)
        finally:
            self._lock.release()

    def _is_stale(self) -> bool:
        return time.monotonic() >= self._fresh_until or self._url != settings.GITHUB_KEYS_URL

    def _may_look_up(self, now: float) -> bool:
        self._lookups = [at for at in self._lookups if at > now - 60]
        if len(self._lookups) >= LOOKUPS_PER_MINUTE:
            return False
        self._lookups.append(now)
        return True

    def _refresh(self, now: float) -> None:
        url = settings.GITHUB_KEYS_URL
        if now < self._retry_at and url == self._url:
            raise KeysUnavailable("they could not be fetched just now")
        self._url = url
        try:
            self._keys = fetch(url)
        except (OSError, HTTPException, ValueError, LookupError, TypeError) as error:
            self._retry_at = time.monotonic() + PAUSE_AFTER_FAILURE
            # Once per outage: anyone can send requests that trigger a fetch.
            if not self._failing:
                logger.error("GitHub's public keys cannot be fetched, so its reports get 503: %s", error)
            self._failing = True
            raise KeysUnavailable(str(error)) from error
        self._fresh_until = time.monotonic() + FRESH
        if self._failing:
            logger.warning("GitHub's public keys can be fetched again")
        self._failing = False


def fetch(url: str) -> dict[str, EllipticCurvePublicKey]:
    """Return the keys for ECDSA on P-256 in the document at ``url``, by identifier."""
    with urlopen(url, timeout=TIMEOUT) as answer:  # noqa: S310  # the setting is https or file
        document = json.loads(answer.read(LARGEST))
    keys = {}
    for entry in document["public_keys"]:
        with suppress(ValueError, UnsupportedAlgorithm):  # one unreadable key must not hide the others
            key = load_pem_public_key(entry["key"].encode())
            if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
                keys[entry["key_identifier"]] = key
    if not keys:
        raise LookupError("the document has no key for ECDSA on P-256")
    return keys


PUBLIC_KEYS = PublicKeys()


def verify(body: bytes, *, identifier: str, signature: str) -> None:
    """Raise ``NotSigned`` unless GitHub signed ``body``; ``KeysUnavailable`` if that can't be checked."""
    if not identifier or not signature:
        raise NotSigned
    try:
        decoded = b64decode(signature, validate=True)
        decode_dss_signature(decoded)  # before GitHub's keys are fetched for something that is no signature
    except ValueError as error:
        raise NotSigned from error
    key = PUBLIC_KEYS.get(identifier)
    if key is None:
        raise NotSigned
    try:
        key.verify(decoded, body, ECDSA(SHA256()))
    except InvalidSignature as error:
        raise NotSigned from error
