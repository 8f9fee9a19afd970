"""Using the cache that all processes share, or this process alone while that one fails."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

RETRY_AFTER = 5
"""Seconds for which a cache that has failed is left alone, so that requests don't wait for it."""

_T = TypeVar("_T")
logger = logging.getLogger(__name__)
_retry_at = 0.0


def attempt(shared: Callable[[], _T], local: Callable[[], _T], what: str) -> _T:
    """Return what ``shared`` returns, or ``local`` while the cache fails; ``what`` is for the log."""
    global _retry_at
    if time.monotonic() >= _retry_at:
        try:
            return shared()
        except Exception as error:
            # Whatever the cache's client raises.
            _retry_at = time.monotonic() + RETRY_AFTER
            logger.error("%s are kept in this process alone: %s", what, error)
    return local()
