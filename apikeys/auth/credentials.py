"""A key as authentication sees it: the one statement that looks it up, and the check that it's genuine."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import NamedTuple

from django.db import DatabaseError

from apikeys import hasher
from apikeys.auth.verified_keys import verified_keys
from apikeys.models import APIKey
from wizchat.statements import Parameter, Statement

logger = logging.getLogger(__name__)


class Credential(NamedTuple):
    """The columns of a key and its owner that authentication reads, in the order of the SELECT."""

    id: int
    key_id: str
    checksum: str
    key_hash: str
    permissions: int
    allowed_networks: str
    expires_at: datetime | None
    revoked_at: datetime | None
    rate_limit: str
    owner_id: int
    owner_is_active: bool

    def is_proved_by(self, raw: str) -> bool:
        """Return whether ``raw``, a well-formed key with this id, is the genuine key."""
        if not hasher.has_checksum(raw, self.checksum):
            return False
        if hasher.HASHER.remembers(self.key_hash, raw):
            return True
        if not hasher.HASHER.verify(self.key_hash, raw, shared=verified_keys):
            return False
        if hasher.HASHER.needs_rehash(self.key_hash):
            self._rehash(raw)
        return True

    def _rehash(self, raw: str) -> None:
        stored = APIKey.objects.filter(pk=self.id, key_hash=self.key_hash)
        try:
            stored.update(key_hash=hasher.HASHER.hash(raw))
        except DatabaseError:
            # The old hash still verifies the key; the next process to see the key tries again.
            logger.exception("could not rehash key %s", self.key_id)


def lookup(key_id: str) -> Credential | None:
    """Return the credential with ``key_id`` in one SELECT; never cached, so that changes apply at once."""
    row = LOOKUP.first(key_id=key_id)
    return Credential._make(row) if row is not None else None


_KEY_ID = Parameter("key_id", APIKey._meta.get_field("key_id"))
LOOKUP = Statement(
    APIKey.objects.order_by().filter(key_id=_KEY_ID).values_list(*Credential._fields[:-1], "owner__is_active")
)
