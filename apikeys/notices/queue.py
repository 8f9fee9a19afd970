"""Queues the emails that events cause, and those that are due without an event.

An email is queued in its event's transaction, so that none is lost and none reports something
that didn't happen.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Max, OuterRef, QuerySet, Subquery, Sum

from apikeys.core import networks
from apikeys.core.batches import batches
from apikeys.core.outcomes import Outcome
from apikeys.models import APIKey, KeyEvent, KeyUsage, Notice, Permission

WARNINGS = (1, 7, 14)
"""Days before a key expires at which its owner is warned, the last warning first."""
LOOKED_BACK = timedelta(days=2)
"""Housekeeping runs once a day; older use was already reported, or is old news."""
KEPT = timedelta(days=90)
"""How long finished emails are kept."""
OPTIONAL = {Notice.Kind.CREATED, Notice.Kind.ROTATED, Notice.Kind.EXPIRING, Notice.Kind.ENDED_IN_USE}


def queue_event(*, event: KeyEvent, cause: KeyEvent | None = None, **_: Any) -> None:
    """Queue the email that ``event`` causes, if any. The email about its ``cause`` covers both."""
    kind = kind_of(event) if cause is None else None
    if kind is Notice.Kind.ROTATED:
        drop_created(event.key)
    if kind is None or not is_wanted(kind, event.key.owner):
        return
    unique_for = (
        f"reported:{event.key_id}:{event.at:%Y-%m-%d}"
        if kind is Notice.Kind.REPORTED
        else f"event:{event.pk}"
    )
    store([notice(kind, event.key, unique_for, now=event.at, event=event)])


def drop_created(old: APIKey) -> None:
    """Drop the email that this transaction queued for the new key: the rotation's covers both keys."""
    created = Notice.objects.waiting().filter(kind=Notice.Kind.CREATED)
    created.filter(key__origin_rotation__old=old).delete()


def kind_of(event: KeyEvent) -> Notice.Kind | None:
    """Return the email that an event causes, if it isn't part of another one."""
    match event.action:
        case KeyEvent.Action.CREATED:
            return Notice.Kind.CREATED
        case KeyEvent.Action.ROTATED:
            return Notice.Kind.ROTATED
        case KeyEvent.Action.REPORTED:
            return Notice.Kind.REPORTED
        case KeyEvent.Action.CHANGED if widens(event.changes):
            return Notice.Kind.WIDENED
        case KeyEvent.Action.REVOKED:
            return Notice.Kind.REVOKED
    return None


def widens(changes: dict[str, Any]) -> bool:
    """Return whether the key has more permissions or addresses than before."""
    if "permissions" in changes:
        had, has = (Permission.of(names) for names in changes["permissions"])
        if not had.covers(has):
            return True
    if "allowed_networks" in changes:
        before, after = ("\n".join(lines) for lines in changes["allowed_networks"])
        return not networks.is_within(after, before)
    return False


def is_wanted(kind: str, owner: User) -> bool:
    """Return whether ``owner`` can and wants to get emails of this kind."""
    if not owner.is_active or not owner.email:
        return False
    choices = getattr(owner, "notice_choices", None) if kind in OPTIONAL else None
    return choices is None or bool(getattr(choices, kind))


def queue_due(now: datetime) -> int:
    """Queue the emails that are due at ``now``, each once; return how many were new."""
    Notice.objects.filter(queued_at__lt=now - KEPT, sent_at__isnull=False).delete()
    Notice.objects.filter(queued_at__lt=now - KEPT, dropped_at__isnull=False).delete()
    return (
        queue(expiry_warnings(now))
        + queue(still_presented(Notice.Kind.WRONG_ADDRESS, [Outcome.ADDRESS], now))
        + queue(still_presented(Notice.Kind.ENDED_IN_USE, [Outcome.REVOKED, Outcome.EXPIRED], now))
    )


def queue(notices: Iterable[Notice]) -> int:
    """Store those ``notices`` that aren't queued yet; return how many."""
    stored = 0
    # All are read first: on SQLite, a statement that is still reading can keep this from writing.
    for batch in batches(list(notices)):
        queued = Notice.objects.filter(unique_for__in=[one.unique_for for one in batch])
        known = set(queued.values_list("unique_for", flat=True))
        new = [one for one in batch if one.unique_for not in known]
        store(new)
        stored += len(new)
    return stored


def store(notices: list[Notice]) -> None:
    """Store ``notices``, except those that another process has queued: ``unique_for`` is unique."""
    Notice.objects.bulk_create(notices, ignore_conflicts=True)


def notice(
    kind: str, key: APIKey, unique_for: str, *, now: datetime, event: KeyEvent | None = None, **facts: Any
) -> Notice:
    return Notice(
        key=key, event=event, kind=kind, unique_for=unique_for, facts=facts, queued_at=now, due_at=now
    )


def expiry_warnings(now: datetime) -> Iterable[Notice]:
    """Yield the warning that is due for each key; a late one replaces the earlier ones.

    A rotated key gets none: its owner has chosen its end.
    """
    soon = APIKey.objects.live(now).filter(expires_at__lte=now + timedelta(days=max(WARNINGS)), rotation=None)
    for key in soon.select_related("owner__notice_choices").iterator():
        if key.expires_at is None or not is_wanted(Notice.Kind.EXPIRING, key.owner):
            continue
        left = key.expires_at - now
        days = next(days for days in WARNINGS if left <= timedelta(days=days))
        unique_for = f"expiring:{key.pk}:{key.expires_at.isoformat()}:{days}"
        yield notice(Notice.Kind.EXPIRING, key, unique_for, now=now, expires_at=key.expires_at.isoformat())


def still_presented(kind: Notice.Kind, outcomes: list[Outcome], now: datetime) -> Iterable[Notice]:
    """Yield an email for each key that was presented with one of ``outcomes``, once a day per key."""
    usage = KeyUsage.objects.filter(outcome__in=outcomes, last_at__gt=now - LOOKED_BACK)
    usage = usage.filter(hour__gt=now - LOOKED_BACK - timedelta(hours=1))
    by_key = usage.values("key").annotate(last=Max("last_at"), calls=Sum("count"))
    used = {int(row["key"]): row for row in by_key}
    queued = Notice.objects.filter(kind=kind, queued_at__gt=now - LOOKED_BACK)
    last_queued = dict(queued.values_list("key").annotate(Max("queued_at")))
    new = sorted(pk for pk, row in used.items() if pk not in last_queued or row["last"] > last_queued[pk])
    for key in (key for batch in batches(new) for key in with_latest_ip(batch, usage)):
        if is_wanted(kind, key.owner):
            row = used[key.pk]
            name = f"{kind.value}:{key.pk}:{now:%Y-%m-%d}"
            facts = {"at": row["last"].isoformat(), "ip": key.latest_ip or "", "calls": row["calls"]}
            yield notice(kind, key, name, now=now, **facts)


def with_latest_ip(keys: list[int], usage: QuerySet[KeyUsage]) -> QuerySet[Any]:
    """Return ``keys`` with their owners' choices and the address that ``usage`` has last, if it's known."""
    latest = usage.filter(key=OuterRef("pk")).order_by("-last_at").values("address")[:1]
    with_choices = APIKey.objects.filter(pk__in=keys).select_related("owner__notice_choices")
    found: QuerySet[Any] = with_choices.annotate(latest_ip=Subquery(latest)).order_by("pk")
    return found
