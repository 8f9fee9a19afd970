"""An owner can be deleted while other processes write the usage of the owner's keys."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from threading import Event

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone

from apikeys.models import APIKey, KeyUsage, Rotation, RotationOver
from apikeys.usage.deletion import lock_keys_of
from apikeys.usage.store import Count, Row, add_counts
from testing.programs import wait_until


def finish(rotation):
    rotation.finish(by=None, now=timezone.now())


def note_first_use(rotation):
    Rotation.note_first_uses({rotation.new_id: timezone.now()})


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", [finish, note_first_use])
def test_an_owner_is_deleted_while_a_rotation_changes(issue, owner, change):
    key, _raw = issue()
    key.rotate(by=owner, now=timezone.now(), overlap=None)
    rotation = Rotation.objects.select_related("old", "new").get()

    def change_it():
        try:
            with suppress(RotationOver):
                change(rotation)
        finally:
            connections.close_all()

    with ThreadPoolExecutor() as threads:
        with transaction.atomic():
            lock_keys_of(owner)
            changed = threads.submit(change_it)
            wait_until(someone_waits_for_us, "the change to wait for the keys")
            owner.delete()
        changed.result(60)

    assert Rotation.objects.count() == 0


def someone_waits_for_us():
    if connection.vendor == "sqlite":  # one writer: whoever comes later waits
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))")
        return cursor.fetchone()


@pytest.mark.django_db(transaction=True)
def test_an_owner_is_deleted_while_usage_is_written(issue, owner):
    keys = [issue()[0].pk for _ in range(20)]
    stop = Event()

    def write(outcome):
        try:
            for hour in count():
                if stop.is_set():
                    return
                with suppress(IntegrityError):  # the key was deleted before the counts were committed
                    add_counts({Row(key, hour, outcome, "192.0.2.1"): Count(1, 0.0) for key in keys})
        finally:
            connections.close_all()

    with ThreadPoolExecutor() as threads:
        writers = [threads.submit(write, outcome) for outcome in ("answered", "client_error")]
        try:
            wait_until(lambda: KeyUsage.objects.count() > 100, "usage")
            owner.delete()
        finally:
            stop.set()
        for writer in writers:
            writer.result(60)

    assert (APIKey.objects.count(), KeyUsage.objects.count()) == (0, 0)
