"""A process that measures the steps of one request separately: ``python -m bench.measured.hot_path``."""

from __future__ import annotations

import gc
from collections.abc import Callable
from ipaddress import ip_address
from time import perf_counter, process_time, time
from typing import Any
from unittest.mock import patch

import django

django.setup()

from django.conf import settings
from django.contrib.auth.models import User
from django.core.handlers.wsgi import WSGIRequest
from django.core.management import call_command
from django.test import RequestFactory
from django.urls import resolve
from django.utils import timezone
from redis import Redis
from redis.connection import AbstractConnection

from apikeys.auth.requests import noted
from apikeys.core.metrics import ACCEPTED
from apikeys.core.outcomes import Outcome
from apikeys.core.rates import parse_rate
from apikeys.models import APIKey, Permission
from apikeys.usage import recorder
from apikeys.usage.store import HOUR_SECONDS, Row
from bench.measured.clocks import Spent
from bench.measured.commands import answer_commands, stay_on_one_core
from bench.measured.views import WizChatView
from wizchat.middleware import APIEnvelopeMiddleware

LIMIT = parse_rate("999999999/day")


class Limited:
    """One request with an accepted key, from authentication to the response headers."""

    def __init__(self, raw: str) -> None:
        environ = RequestFactory().get("/v1/chatbots").environ
        self.environ = environ | {"HTTP_AUTHORIZATION": f"Bearer {raw}"}
        view = WizChatView.as_view()
        self.answer = APIEnvelopeMiddleware(lambda request: view(request).render())

    def seconds(self, clock: Callable[[], float], times: int, *, is_limited: bool) -> float:
        settings.RATE_LIMIT = LIMIT if is_limited else None
        requests = [WSGIRequest(dict(self.environ)) for _ in range(times)]
        gc.collect()
        started_at = clock()
        for request in requests:
            response = self.answer(request)
        assert ("RateLimit" in response.headers) == is_limited
        return (clock() - started_at) / times

    def extra(self, times: int) -> float:
        """Return the seconds that the limit adds: CPU time only, or with waiting for Redis."""
        is_shared = "://" in settings.CACHES["default"]["LOCATION"]
        clock = perf_counter if is_shared else process_time
        without = self.seconds(clock, times, is_limited=False)
        return self.seconds(clock, times, is_limited=True) - without

    def round_trips(self) -> int:
        """Return how often one request sends something to Redis."""
        self.seconds(process_time, 1, is_limited=True)
        with patch.object(
            AbstractConnection, "send_packed_command", autospec=True,
            side_effect=AbstractConnection.send_packed_command,
        ) as sent:  # fmt: skip
            self.seconds(process_time, 1, is_limited=True)
        return int(sent.call_count)


class Counted:
    """An answered request, as the usage recorder sees it."""

    def __init__(self, limited: Limited) -> None:
        self.request: Any = WSGIRequest(limited.environ | {"HTTP_USER_AGENT": "curl/7.88.1"})
        self.response: Any = limited.answer(self.request)
        self.request.resolver_match = resolve(self.request.path_info)

    def outcome_alone(self) -> None:
        """Count the request as `record` would if usage were only calls by hour and outcome."""
        presented = noted(self.request)
        assert presented is not None
        ACCEPTED.inc()
        at = time()
        outcome = presented.refusal or Outcome.of_status(self.response.status_code)
        recorder.recorder.add(Row(presented.pk, int(at // HOUR_SECONDS), outcome.value, None), at)

    def whole(self) -> None:
        recorder.record(self.request, self.response)

    def costs(self, times: int) -> list[float]:
        """Return the CPU seconds of each of the two."""
        return [self._seconds(self.outcome_alone, times), self._seconds(self.whole, times)]

    def _seconds(self, count: Callable[[], None], times: int) -> float:
        recorder.recorder.clear()
        started_at = process_time()
        for _ in range(times):
            count()
        return (process_time() - started_at) / times


class Writing:
    """Writes the usage of many keys at once, as the recorder's thread does."""

    KEYS = 1000

    def __init__(self, owner: User) -> None:
        filler = {"owner": owner, "name": "Filler", "permissions": 1, "created_at": timezone.now()}
        APIKey.objects.bulk_create(
            APIKey(key_id=f"{number:012}", checksum="000000", key_hash="", **filler)
            for number in range(self.KEYS)
        )
        self.keys = list(APIKey.objects.filter(name="Filler").values_list("pk", flat=True))

    def costs(self) -> list[float]:
        """Return the CPU seconds per key in this process, and in the database's."""
        at = time()
        address = ip_address("192.0.2.1")
        for key in self.keys:
            row = Row(key, int(at // HOUR_SECONDS), Outcome.ANSWERED.value, address)
            use = recorder.Use(at, address, "curl/7.88.1", "GET", "v1/chatbots", Permission.READ.value)
            recorder.recorder.add(row, at, use)
        spent = Spent()
        recorder.flush()
        return [seconds / self.KEYS for seconds in spent.seconds()]


def redis_seconds() -> float:
    """Return the average seconds that Redis itself takes to count one request."""
    client = Redis.from_url(settings.CACHES["default"]["LOCATION"])
    calls = client.info("commandstats")["cmdstat_evalsha"]
    client.close()
    return float(calls["usec_per_call"]) / 1e6


def main() -> None:
    call_command("migrate", verbosity=0)
    owner = User.objects.create_user("costs")
    _, raw = APIKey.objects.issue(
        owner=owner, by=owner, name="Measured", permissions=Permission.READ, now=timezone.now()
    )
    settings.USAGE_FLUSH_SECONDS = 0  # no thread writes in between
    limited = Limited(raw)
    counted = Counted(limited)
    stay_on_one_core()
    answer_commands(
        {
            "rate limit": limited.extra,
            "round trips": limited.round_trips,
            "usage": counted.costs,
            "writing": Writing(owner).costs,
            "redis": redis_seconds,
        }
    )


if __name__ == "__main__":
    main()
