"""What the shared cache costs a request: one round trip, and next to nothing while it fails."""

from __future__ import annotations

import threading

import pytest

from apikeys import hasher
from apikeys.auth import counters, rate_limit, shared_cache
from testing.programs import wait_until
from testing.relay import Relay
from testing.services import Redis
from wizchat.environment import Environment

pytestmark = pytest.mark.django_db


@pytest.fixture
def use_cache(settings, monkeypatch, tmp_path):
    """Return a function that puts every cache on a port of this machine, with the options of production.

    A ``query`` of the URL overrides them.
    """

    def use_cache(port, query=""):
        monkeypatch.setenv("RELAYED", f"redis://127.0.0.1:{port}/0?{query}")
        cache = Environment(tmp_path).cache("RELAYED", default="")
        settings.CACHES = settings.CACHES | {"default": cache, "failed_attempts": cache}

    return use_cache


@pytest.fixture
def waits(monkeypatch):
    """The names of the threads that waited for the cache: a request's, or a background thread."""
    names = []

    def noting(count):
        def noted(*args):
            names.append(threading.current_thread().name)
            return count(*args)

        return noted

    monkeypatch.setattr(rate_limit, "_count_in_redis", noting(rate_limit._count_in_redis))
    return names


def verified(issued):
    """Return a key that this process has verified, so that it queries Redis only for the rate limit."""
    key, raw = issued
    assert hasher.HASHER.verify(key.key_hash, raw)
    return raw


def test_only_one_of_many_requests_waits_for_a_hanging_cache(issue, call, use_cache, waits, monkeypatch):
    monkeypatch.setattr(shared_cache, "PAUSE", 3600)
    raw = verified(issue())

    with Relay() as hanging:
        use_cache(hanging.port)
        answers = [call(raw) for _ in range(20)]
        answers += [call("wrong") for _ in range(20)]

        assert [answer.status_code for answer in answers] == [200] * 20 + [401] * 20
        wait_until(lambda: hanging.sent, "the request to the cache")
        assert hanging.sent == 1
        assert waits == ["MainThread"]


def test_only_background_threads_retry_a_hanging_cache(issue, call, use_cache, waits, monkeypatch):
    monkeypatch.setattr(shared_cache, "PAUSE", 0)
    raw = verified(issue())

    with Relay() as hanging:
        use_cache(hanging.port)
        for _ in range(5):
            assert call(raw).status_code == 200
        wait_until(lambda: len(waits) == 5, "four attempts")

    assert waits == ["MainThread"] + ["cache-attempt"] * 4


def test_a_timeout_is_not_retried(use_cache, settings):
    with Relay() as hanging:
        use_cache(hanging.port)
        with pytest.raises(Exception, match="imeout"):
            counters._count_in(counters.caches["failed_attempts"], "name", 10, 60)

        wait_until(lambda: hanging.sent, "the request to the cache")
        assert hanging.sent == 1


def test_the_cache_counts_again_once_it_responds(monkeypatch, caplog):
    monkeypatch.setattr(shared_cache, "PAUSE", 0)
    breaker, fails = shared_cache.Breaker(), True

    def shared():
        if fails:
            raise ConnectionError
        return "shared"

    def count():
        return breaker.attempt(shared, lambda: "local", "calls")

    assert [count() for _ in range(3)] == ["local"] * 3
    fails = False
    wait_until(lambda: count() == "shared", "the end of the failure")
    assert caplog.text.count("calls are kept in this process alone") == 1
    assert caplog.text.count("the shared cache works again") == 1


def test_a_failed_cache_is_retried_once_per_pause(monkeypatch):
    times = [100.0]
    monkeypatch.setattr(shared_cache.time, "monotonic", lambda: times[-1])
    breaker, attempts = shared_cache.Breaker(), []

    def shared():
        attempts.append(times[-1])
        raise ConnectionError

    for now in (100.0, 100.5, 100.9, 101.0, 101.1, 101.9, 102.0):
        times.append(now)
        breaker.attempt(shared, lambda: None, "calls")
        wait_until(lambda: not [t for t in threading.enumerate() if t.name == "cache-attempt"], "the attempt")

    assert attempts == [100.0, 101.0, 102.0]


@pytest.mark.services
def test_counting_a_request_is_one_round_trip_to_redis(issue, call, use_cache):
    _key, raw = issue()
    redis = Redis().start()
    try:
        with Relay(redis.port) as relay:
            use_cache(relay.port, Redis.PATIENCE)
            call(raw)  # connects, and has Redis load the script
            before = relay.round_trips

            response = call(raw)

            assert response.headers["RateLimit"].startswith('"default";r=5998;')
            assert relay.round_trips - before == 1
    finally:
        redis.close()
