"""Find WizChat API keys in text, without false positives: ``python wizchat_key.py < FILE``."""

from __future__ import annotations

import re
import sys
from zlib import crc32

PATTERN = re.compile(r"(?<![0-9A-Za-z_])wzc_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}(?![0-9A-Za-z])", re.ASCII)
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def is_key(text: str) -> bool:
    """Return whether ``text``, which matches ``PATTERN``, ends in its own checksum."""
    number, checksum = crc32(text[:-6].encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        checksum = DIGITS[digit] + checksum
    return text[-6:] == checksum


def find(text: str) -> list[str]:
    """Return the keys in ``text``."""
    return [match for match in PATTERN.findall(text) if is_key(match)]


if __name__ == "__main__":
    sys.stdout.writelines(f"{key}\n" for key in find(sys.stdin.read()))
