"""Handles reports of leaked keys: a genuine key that still works is revoked before the response.

Nothing that a reporter can see depends on whether a key was real.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice

from django.conf import settings
from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from apikeys import hasher
from apikeys.auth import counters
from apikeys.core import keyformat
from apikeys.core.batches import batches
from apikeys.core.networks import IPAddress
from apikeys.models import APIKey, KeyEvent, Origin
from apikeys.models.events import DETAIL_LENGTH
from wizchat.api import catalogue
from wizchat.api.errors import APIError

REASON = "reported as leaked"
KEYS_PER_REPORT = 1000
KEYS_PER_QUERY = 100
WRONG_SECRETS = 5
"""For each owner in one report. Anyone with a key can compute others with its id and checksum, and each would
cost an Argon2, so past this number the report's other keys of that owner are ignored, unless this process has
verified them already."""
REPORTS_PER_HOUR = 60
WINDOW = 3600
"""Seconds from an address's first report until its count starts over."""
REPEATED = timedelta(days=1)
"""While keys are kept (``LEAK_ACTION=notify``), the same report is recorded at most once in this time."""


class TooManyReports(APIError):
    """An address has reported too often; ``wait`` is in seconds."""

    def __init__(self, wait: int) -> None:
        super().__init__(catalogue.TOO_MANY_REPORTS, headers={"Retry-After": str(wait)})
        self.wait = wait


def count_report(client_ip: IPAddress | None) -> None:
    """Count a report from ``client_ip``; raise ``TooManyReports`` past the limit."""
    name = f"leak-reports:{counters.bucket(client_ip)}"
    wait = counters.count(name, limit=REPORTS_PER_HOUR, seconds=WINDOW, what="reports of leaked keys").wait
    if wait:
        raise TooManyReports(wait)


@sensitive_variables("texts", "found")
def report(texts: Iterable[str], *, now: datetime, ip: str, where: str) -> None:
    """Act on each genuine key in ``texts``; ``where`` says how it was reported."""
    found = dict.fromkeys(raw for text in texts for raw in keyformat.find(text))
    for key in genuine(islice(found, KEYS_PER_REPORT), live_at=now).values():
        act(key, now=now, ip=ip, where=where)


@sensitive_variables("raws", "candidates", "raw")
def genuine(raws: Iterable[str], *, live_at: datetime | None = None) -> dict[str, APIKey]:
    """Return the stored key for each genuine key in ``raws``, only live ones if ``live_at`` is given.

    All ``raws`` must be well-formed.
    """
    proved = {}
    wrong: Counter[int] = Counter()
    keys = APIKey.objects.all() if live_at is None else APIKey.objects.live(live_at)
    for batch in batches(raws, KEYS_PER_QUERY):
        stored = {key.key_id: key for key in keys.filter(key_id__in=ids_of(batch))}
        for raw in batch:
            key = stored.get(keyformat.parse(raw).key_id)
            if key is None or not hasher.has_checksum(raw, key.checksum):
                continue
            if hasher.HASHER.remembers(key.key_hash, raw):
                proved[raw] = key
            elif wrong[key.owner_id] < WRONG_SECRETS:
                if hasher.HASHER.verify(key.key_hash, raw):
                    proved[raw] = key
                else:
                    wrong[key.owner_id] += 1
    return proved


def ids_of(raws: list[str]) -> set[str]:
    return {keyformat.parse(raw).key_id for raw in raws}


def act(key: APIKey, *, now: datetime, ip: str, where: str) -> None:
    """Record the report of ``key`` and revoke it; a key that has already ended stays as it is."""
    origin = Origin(ip=ip)
    detail = printable(where)
    nobody = KeyEvent.Actor.NOBODY
    with transaction.atomic():
        current = APIKey.objects.select_for_update().filter(pk=key.pk).first()
        if current is None or current.is_ended(now):
            return
        if settings.LEAK_ACTION == "revoke":
            cause = reported(current, now, origin, detail)
            current.revoke(by=None, now=now, origin=origin, reason=REASON, actor_kind=nobody, cause=cause)
        elif not was_reported(current, detail, since=now - REPEATED):
            reported(current, now, origin, detail)


def reported(key: APIKey, now: datetime, origin: Origin, detail: str) -> KeyEvent:
    return key.record(
        KeyEvent.Action.REPORTED,
        by=None,
        now=now,
        origin=origin,
        actor_kind=KeyEvent.Actor.NOBODY,
        detail=detail,
    )


def was_reported(key: APIKey, detail: str, *, since: datetime) -> bool:
    reports = key.events.filter(action=KeyEvent.Action.REPORTED, detail=detail)
    return reports.filter(at__gt=since).exists()


def printable(where: str) -> str:
    """Return where a key was found, without control characters and without the secret of any key."""
    text = "".join(character if character.isprintable() else " " for character in where)
    return keyformat.redact(text)[:DETAIL_LENGTH]
