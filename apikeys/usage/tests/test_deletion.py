"""An owner can be deleted while other processes write the usage of the owner's keys."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from threading import Event

import pytest
from django.db import IntegrityError, connections

from apikeys.models import APIKey, KeyUsage
from apikeys.usage.store import Count, Row, add_counts
from testing.programs import wait_until


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
