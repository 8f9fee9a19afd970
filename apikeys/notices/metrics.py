"""How many emails wait and for how long, queried when someone reads the metrics."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from django.db import DatabaseError, InterfaceError
from django.db.models import Count, Min
from django.utils import timezone
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

logger = logging.getLogger(__name__)


class QueueCollector(Collector):
    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the queue's length and age, or nothing while the database is away."""
        from apikeys.models import Notice  # the server imports the metrics before Django is ready

        try:
            queue = Notice.objects.waiting().aggregate(length=Count("pk"), oldest=Min("queued_at"))
        except (DatabaseError, InterfaceError) as error:
            logger.error("the queue of emails cannot be read: %s", error)
            return
        age = max(0.0, (timezone.now() - queue["oldest"]).total_seconds()) if queue["oldest"] else 0.0
        yield GaugeMetricFamily("wizchat_email_queue_length", "Emails that wait to be sent.", queue["length"])
        yield GaugeMetricFamily(
            "wizchat_email_queue_age_seconds", "Seconds for which the oldest of them has waited.", age
        )


QUEUE = CollectorRegistry()
QUEUE.register(QueueCollector())
