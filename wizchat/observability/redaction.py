"""Removes secrets from text that is stored: API keys, links that sign someone in, passwords in URLs.

Pure: gunicorn's master process loads it before Django.
"""

from __future__ import annotations

import re

from apikeys.core import keyformat

# Anyone with the last part of these paths can set a password or verify an address, so it is replaced.
_LINKS = (
    (re.compile(r"(accounts/+password/+reset/+key/+)[^\s/?#\"'<>&]+", re.IGNORECASE), r"\1<uidb36>-<key>"),
    (re.compile(r"(accounts/+confirm-email/+)[^\s/?#\"'<>&]+", re.IGNORECASE), r"\1<key>"),
)
_CREDENTIALS = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/:@\"'<>]*):[^\s/@\"'<>]+@", re.IGNORECASE)


def redact(text: str) -> str:
    """Return ``text`` without API keys and the secrets of links."""
    text = keyformat.redact(text)
    if "accounts" in text.lower():
        for pattern, route in _LINKS:
            text = pattern.sub(route, text)
    return text


def redact_credentials(text: str) -> str:
    """Return ``text`` without the passwords of URLs such as ``redis://:PASSWORD@HOST``."""
    return _CREDENTIALS.sub(r"\1:********@", text)
