"""Creates keys, at most one for each form or request."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from apikeys import hasher
from apikeys.core import keyformat
from apikeys.models.choices import Permission
from apikeys.models.delegation import refuse_escalation
from apikeys.models.events import COMMAND_LINE, KeyEvent, Origin, actor_kind
from apikeys.models.revocation import RevocableKeys

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from apikeys.models.keys import APIKey


class AlreadyIssued(Exception):
    """This form or request has already created ``key``."""

    def __init__(self, key: APIKey) -> None:
        super().__init__(key.key_id)
        self.key = key


class APIKeyQuerySet(RevocableKeys):
    def issue(
        self,
        *,
        owner: User,
        by: User | None,
        name: str,
        permissions: Permission,
        now: datetime,
        allowed_networks: str = "",
        expires_at: datetime | None = None,
        form_token: str | None = None,
        origin: Origin = COMMAND_LINE,
    ) -> tuple[APIKey, str]:
        """Create a key and return it with its plaintext, which isn't stored anywhere.

        Raises ``AlreadyIssued`` if the owner's ``form_token`` has already created a key, and
        ``Escalation`` if the calling key asks for more than it has. The new key inherits the calling
        key's own rate limit.
        """
        self.refuse_used_token(owner, form_token)
        key, raw = self.draft(owner=owner, by=by, form_token=form_token, now=now, origin=origin)
        key.name = name
        key.permissions = permissions
        key.allowed_networks = allowed_networks
        key.expires_at = expires_at
        try:
            with transaction.atomic():
                if origin.key is not None:
                    _, caller = self.locked(None, origin.key)
                    self.refuse_used_token(owner, form_token)
                    refuse_escalation(caller, key, now=now)
                    key.rate_limit = caller.rate_limit if caller else ""
                key.insert(by=by, now=now, origin=origin)
        except IntegrityError:
            self.refuse_used_token(owner, form_token)
            raise
        return key, raw

    def draft(
        self,
        *,
        owner: User,
        by: User | None,
        form_token: str | None,
        now: datetime,
        origin: Origin = COMMAND_LINE,
    ) -> tuple[APIKey, str]:
        """Return an unsaved key with its plaintext. Runs Argon2, so call it outside a transaction."""
        parts = keyformat.generate()
        raw = str(parts)
        key = self.model(
            key_id=parts.key_id,
            checksum=parts.checksum,
            key_hash=hasher.HASHER.hash(raw),
            owner=owner,
            created_by=by,
            created_by_key=origin.key,
            created_by_kind=actor_kind(owner, by, origin),
            created_at=now,
            form_token=form_token,
        )
        return key, raw

    def refuse_used_token(self, owner: User, form_token: str | None) -> None:
        """Raise ``AlreadyIssued`` if the owner's ``form_token`` has already created a key."""
        if form_token is not None:
            key = self.filter(owner=owner, form_token=form_token).first()
            if key is not None:
                raise AlreadyIssued(key)


def insert(key: APIKey, *, by: User | None, now: datetime, origin: Origin = COMMAND_LINE) -> None:
    """Store a drafted key, with its first event."""
    key.save(force_insert=True)
    key.record(KeyEvent.Action.CREATED, by=by, now=now, origin=origin)
