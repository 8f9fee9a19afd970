"""Queues the emails that events cause, and those that are due without an event.

An email is queued in its event's transaction, so that none is lost and none reports something
that didn't happen.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Max, Sum

from apikeys.core import networks
from apikeys.core.batches import batches
from apikeys.core.outcomes import Outcome
from apikeys.models import APIKey, KeyEvent, KeyUsage, Notice, NoticeChoices, Permission

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
    queue([notice(kind, event.key, unique_for, now=event.at, event=event)])


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
    choices = NoticeChoices.objects.filter(pk=owner.pk).first() if kind in OPTIONAL else None
    return choices is None or bool(getattr(choices, kind))


def queue_due(now: datetime) -> int:
    """Queue the emails that are due at ``now``, each once; return how many were new."""
    Notice.objects.filter(queued_at__lt=now - KEPT, sent_at__isnull=False).delete()
    Notice.objects.filter(queued_at__lt=now - KEPT, dropped_at__isnull=False).delete()
    return (
        queue(warnings(now))
        + queue(still_presented(Notice.Kind.WRONG_ADDRESS, [Outcome.ADDRESS], now))
        + queue(still_presented(Notice.Kind.ENDED_IN_USE, [Outcome.REVOKED, Outcome.EXPIRED], now))
    )


def queue(notices: Iterable[Notice]) -> int:
    """Store those ``notices`` that aren't queued yet; return how many."""
    # All are read first: on SQLite, a statement that is still reading can keep this from writing.
    return sum(queue_batch(batch) for batch in batches(list(notices)))


def queue_batch(notices: list[Notice]) -> int:
    queued = Notice.objects.filter(unique_for__in=[one.unique_for for one in notices])
    known = set(queued.values_list("unique_for", flat=True))
    new = [one for one in notices if one.unique_for not in known]
    # Another process may be queueing the same ones: the unique constraint lets only one of them through.
    Notice.objects.bulk_create(new, ignore_conflicts=True)
    return len(new)


def notice(
    kind: str, key: APIKey, unique_for: str, *, now: datetime, event: KeyEvent | None = None, **facts: Any
) -> Notice:
    return Notice(
        key=key, event=event, kind=kind, unique_for=unique_for, facts=facts, queued_at=now, due_at=now
    )


def warnings(now: datetime) -> Iterable[Notice]:
    """Yield the warning that is due for each key; a late one replaces the earlier ones.

    A rotated key gets none: its owner has chosen its end.
    """
    soon = APIKey.objects.live(now).filter(expires_at__lte=now + timedelta(days=max(WARNINGS)), rotation=None)
    for key in soon.select_related("owner").iterator():
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
    used = usage.values("key").annotate(last=Max("last_at"), calls=Sum("count"))
    by_key = {int(row["key"]): row for row in used}
    last_queued = dict(
        Notice.objects.filter(kind=kind, queued_at__gt=now - LOOKED_BACK)
        .values_list("key")
        .annotate(Max("queued_at"))
    )
    new = [pk for pk, row in by_key.items() if pk not in last_queued or row["last"] > last_queued[pk]]
    keys = APIKey.objects.select_related("owner")
    for key in (key for batch in batches(sorted(new)) for key in keys.filter(pk__in=batch).order_by("pk")):
        row = by_key[key.pk]
        if is_wanted(kind, key.owner):
            latest = usage.filter(key=key).order_by("-last_at").values_list("address", flat=True).first()
            name = f"{kind.value}:{key.pk}:{now:%Y-%m-%d}"
            facts = {"at": row["last"].isoformat(), "ip": latest or "", "calls": row["calls"]}
            yield notice(kind, key, name, now=now, **facts)
