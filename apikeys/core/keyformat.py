"""What a key looks like: ``wzc_<id>_<secret><checksum>``. Pure: no database, no settings.

The id (12 characters) is public, the secret (43 characters, 256 bits) is not. The checksum
(6 characters) is the CRC-32 of everything before it, so that anyone, above all a secret
scanner, can tell a key from a look-alike offline.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple
from zlib import crc32

PREFIX = "wzc"
ID_LENGTH = 12
SECRET_LENGTH = 43
SECRET_BITS = 256
CHECKSUM_LENGTH = 6
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ID_PATTERN = f"[0-9A-Za-z]{{{ID_LENGTH}}}"
PATTERN = f"{PREFIX}_{ID_PATTERN}_[0-9A-Za-z]{{{SECRET_LENGTH + CHECKSUM_LENGTH}}}"
"""Regular expressions of an id and of a whole key, for others than this module."""

_KEY = re.compile(
    rf"{PREFIX}_({ID_PATTERN})_([0-9A-Za-z]{{{SECRET_LENGTH}}})([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})",
    re.ASCII,
)
# Deliberately wider than a real key: a truncated, mistyped or URL-encoded key in a log still gives
# its secret away, however many times it was encoded.
_LOOKS_LIKE_A_KEY = re.compile(
    rf"({PREFIX}(?:_|%(?:25)*5f)[0-9a-z]{{{ID_LENGTH}}})(?:_|%(?:25)*5f)[0-9a-z]+", re.ASCII | re.IGNORECASE
)


class Malformed(ValueError):
    """The text is not a WizChat key, or its checksum does not match."""


class KeyParts(NamedTuple):
    """The parts of one key; ``str()`` puts them together again."""

    key_id: str
    secret: str
    checksum: str

    def __str__(self) -> str:
        return f"{PREFIX}_{self.key_id}_{self.secret}{self.checksum}"

    def __repr__(self) -> str:
        """Keep the secret out of tracebacks and debuggers."""
        return masked(self.key_id)


def generate() -> KeyParts:
    """Return a new key, with an id and a secret from the operating system's random generator."""
    key_id = "".join(secrets.choice(ALPHABET) for _ in range(ID_LENGTH))
    secret = _base62(secrets.randbits(SECRET_BITS), SECRET_LENGTH)
    return KeyParts(key_id, secret, checksum(f"{PREFIX}_{key_id}_{secret}"))


def parse(raw: str) -> KeyParts:
    """Return the parts of ``raw``; raise ``Malformed`` unless it is exactly a key."""
    match = _KEY.fullmatch(raw)
    if match is None:
        raise Malformed("not the shape of a WizChat key")
    parts = KeyParts(*match.groups())
    if checksum(raw[:-CHECKSUM_LENGTH]) != parts.checksum:
        raise Malformed("the checksum does not match")
    return parts


def find(text: str) -> Iterator[str]:
    """Yield each key in ``text``, whatever is around it."""
    for match in _KEY.finditer(text):
        with suppress(Malformed):
            yield str(parse(match[0]))


def checksum(body: str) -> str:
    """Return the CRC-32 (ISO 3309, as in zlib) of ``body`` in base 62, zero-padded to 6."""
    return _base62(crc32(body.encode("ascii")), CHECKSUM_LENGTH)


def masked(key_id: str) -> str:
    """Return a key as it is shown without its secret."""
    return f"{PREFIX}_{key_id}_…"


def bare_id(text: str) -> str:
    """Return the id in ``text``, which may be the id itself, a masked key as lists show it, or a key."""
    return text.removeprefix(f"{PREFIX}_").partition("_")[0]


def redact(text: str) -> str:
    """Return ``text`` without the secret of any key in it."""
    return _LOOKS_LIKE_A_KEY.sub(r"\1_…", text)


def _base62(number: int, width: int) -> str:
    digits = ""
    while number:
        number, remainder = divmod(number, 62)
        digits = ALPHABET[remainder] + digits
    return digits.rjust(width, ALPHABET[0])
