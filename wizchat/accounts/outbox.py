"""Sends emails in a thread: no request waits for a mail server or reveals whether an email was sent."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.db import connections

logger = logging.getLogger(__name__)
# Its thread starts with the first job, after the server has forked.
_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="email")


def later(job: Callable[..., Any], *arguments: Any) -> None:
    """Run ``job`` in a thread, or at once unless ``EMAIL_IN_BACKGROUND``."""
    if settings.EMAIL_IN_BACKGROUND:
        _thread.submit(_run, job, arguments)
    else:
        job(*arguments)


def _run(job: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        job(*arguments)
    except Exception:
        # Whatever the mail server or the database raises: no caller is there to handle it.
        logger.exception("an email was not sent")
    finally:
        connections.close_all()
