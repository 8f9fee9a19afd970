"""A refused key, told to operators: one line and one count, never the key."""

from __future__ import annotations

import logging

from apikeys import keyformat
from apikeys.metrics import REFUSED
from apikeys.networks import IPAddress

logger = logging.getLogger(__name__)


def tell(reason: str, key_id: str | None, address: IPAddress | None) -> None:
    """Log and count that a key was refused; ``None`` for an id that nobody could read."""
    REFUSED[reason].inc()
    logger.warning(
        "API key refused: %s",
        reason,
        extra={"reason": reason, "key_id": key_id, "address": str(address) if address else None},
    )


def tell_forged(raw: str, address: IPAddress | None) -> None:
    """Log and count that ``raw`` is no key; the id that it names may be anyone's."""
    try:
        tell("invalid", keyformat.parse(raw).key_id, address)
    except keyformat.Malformed:
        tell("malformed", None, address)
