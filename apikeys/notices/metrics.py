"""Metrics of the email queue, queried at each scrape.

Emails that the mail server has refused are counted separately: one full mailbox shouldn't raise an alarm.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from django.db import DatabaseError, InterfaceError
from django.db.models import Count, Min, Q
from django.utils import timezone
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

logger = logging.getLogger(__name__)


class QueueCollector(Collector):
    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the queue's length and age, or nothing while the database is down."""
        from apikeys.models import Notice  # the server imports the metrics before Django is ready

        try:
            never_refused = Q(refusal="")
            queue = Notice.objects.waiting().aggregate(
                length=Count("pk"),
                oldest=Min("queued_at", filter=never_refused),
                refused=Count("pk", filter=~never_refused),
            )
        except (DatabaseError, InterfaceError) as error:
            logger.error("the email queue can't be read: %s", error)
            return
        age = max(0.0, (timezone.now() - queue["oldest"]).total_seconds()) if queue["oldest"] else 0.0
        yield GaugeMetricFamily("wizchat_email_queue_length", "Emails waiting to be sent.", queue["length"])
        yield GaugeMetricFamily(
            "wizchat_email_queue_age_seconds",
            "How long the oldest email that wasn't refused has waited.",
            age,
        )
        yield GaugeMetricFamily(
            "wizchat_email_queue_refused", "Waiting emails that were refused.", queue["refused"]
        )


QUEUE = CollectorRegistry()
QUEUE.register(QueueCollector())
