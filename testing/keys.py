"""Parts of a key by its plaintext, and well-formed keys that were never issued."""

from __future__ import annotations

from apikeys.core import keyformat
from apikeys.models import APIKey


def id_of(raw: str) -> str:
    return keyformat.parse(raw).key_id


def secret_of(raw: str) -> str:
    """Return the secret without its checksum: what nothing may show or store."""
    return keyformat.parse(raw).secret


def row_of(raw: str) -> APIKey:
    return APIKey.objects.get(key_id=id_of(raw))


def forged(key_id: str | None = None) -> str:
    """Return a well-formed key with an invented secret, and an unknown id unless ``key_id`` is given."""
    made = keyformat.generate()
    body = f"{keyformat.PREFIX}_{key_id or made.key_id}_{made.secret}"
    return body + keyformat.checksum(body)
