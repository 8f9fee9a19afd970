"""detect-secrets: finds WizChat API keys. ``detect-secrets scan -p detect_secrets_wizchat.py``.

The plugin is a single file, because detect-secrets loads it by its path.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from zlib import crc32

from detect_secrets.plugins.base import RegexBasedDetector

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class WizChatKeyDetector(RegexBasedDetector):
    secret_type = "WizChat API key"  # noqa: S105  # what reports call it
    denylist = (re.compile(r"(?<![0-9A-Za-z_])wzc_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}(?![0-9A-Za-z])", re.ASCII),)

    def analyze_string(self, string: str) -> Generator[str, None, None]:
        """Yield the keys in ``string`` whose checksum matches."""
        yield from (match for match in super().analyze_string(string) if match[-6:] == checksum(match[:-6]))


def checksum(body: str) -> str:
    number, digits = crc32(body.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = DIGITS[digit] + digits
    return digits
