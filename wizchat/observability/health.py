"""Probes: whether the process is alive, and whether it can do its work. Responses give no details."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from functools import cache

from django.core.cache import caches
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse

logger = logging.getLogger(__name__)


class NotReady(Exception):
    """A service responds, but not as it should."""


def healthz(request: HttpRequest) -> JsonResponse:
    """Respond without asking any other service, so that a failure elsewhere never restarts this process."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 if the database, the cache and the tables are there, else 503 naming what is missing."""
    checks = {name: _state(name, check) for name, check in CHECKS.items()}
    ready = all(state == "ok" for state in checks.values())
    return JsonResponse(
        {"status": "ok" if ready else "unavailable", "checks": checks}, status=200 if ready else 503
    )


def _state(name: str, check: Callable[[], None]) -> str:
    try:
        check()
    except Exception as error:
        # Any exception of a driver means the same to a probe; operators find the details in the log.
        logger.error("not ready: %s: %s", name, error)
        return "unavailable"
    return "ok"


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _cache() -> None:
    cache, value = caches["default"], secrets.token_hex(8)
    cache.set("readyz", value, timeout=10)
    if cache.get("readyz") is None:
        raise NotReady("the cache lost a value that was just stored")


def _migrations() -> None:
    if missing := missing_migrations():
        raise NotReady(f"migrations are not applied: {sorted(missing)}")


def missing_migrations() -> set[tuple[str, str]]:
    """Return those of this release's latest migrations, as (app, name), that the database lacks."""
    return _latest_migrations() - MigrationRecorder(connection).applied_migrations().keys()


@cache
def _latest_migrations() -> set[tuple[str, str]]:
    """Return the last migration of each app, as (app, name), which this release needs."""
    return set(MigrationLoader(None).graph.leaf_nodes())


CHECKS: dict[str, Callable[[], None]] = {
    "database": _database,
    "cache": _cache,
    "migrations": _migrations,
}
