from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network

import pytest
from django.core.cache import caches

from apikeys.auth import counters, failed_attempts
from testing.fixtures import outcome

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _limit(settings):
    settings.AUTH_FAILURES_PER_MINUTE = 3


def statuses(call, times, raw="wrong", **headers):
    return [call(raw, **headers).status_code for _ in range(times)]


def test_failures_past_the_limit_must_wait(call):
    assert statuses(call, 5) == [401, 401, 401, 429, 429]

    response = call("wrong")
    assert response.json()["error"]["code"] == "RATE_LIMITED"
    assert 1 <= int(response["Retry-After"]) <= 60


def test_a_genuine_key_from_the_same_address_is_never_refused(issue, call):
    _key, raw = issue()
    statuses(call, 10)

    assert call(raw).status_code == 200


def test_the_holder_of_a_revoked_key_is_told_so_however_often_it_is_tried(issue, call, owner):
    key, raw = issue()
    key.revoke(by=owner, now=key.created_at)
    statuses(call, 10)

    assert set(statuses(call, 10, raw)) == {401}


def test_a_missing_key_does_not_count_as_a_guess(call):
    assert set(statuses(call, 10, None)) == {401}
    assert call("wrong").status_code == 401


def test_other_addresses_are_counted_separately(call):
    statuses(call, 10, REMOTE_ADDR="192.0.2.1")

    assert call("wrong", REMOTE_ADDR="192.0.2.2").status_code == 401


def test_a_forged_forwarded_header_does_not_evade_the_limit(call):
    answers = [call("wrong", HTTP_X_FORWARDED_FOR=f"192.0.2.{n}").status_code for n in range(5)]

    assert answers[-1] == 429


def test_behind_a_proxy_the_client_is_counted_not_the_proxy(call, settings):
    settings.TRUSTED_PROXIES = (ip_network("10.0.0.0/8"),)
    for n in range(5):
        call("wrong", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=f"192.0.2.{n}, 198.51.100.1")

    assert call("wrong", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="192.0.2.1").status_code == 401
    assert call("wrong", REMOTE_ADDR="10.0.0.2", HTTP_X_FORWARDED_FOR="198.51.100.1").status_code == 429


def test_a_forwarded_header_of_any_length_does_not_evade_the_limit(call, settings):
    settings.TRUSTED_PROXIES = (ip_network("10.0.0.0/8"),)
    behind = {"REMOTE_ADDR": "10.0.0.1"}
    for forged in ("", "x" * 5000 + ",", "192.0.2.1," * 1000):
        call("wrong", HTTP_X_FORWARDED_FOR=f"{forged}198.51.100.1", **behind)

    assert call("wrong", HTTP_X_FORWARDED_FOR="198.51.100.1", **behind).status_code == 429


def test_ipv6_is_counted_by_its_64_bit_network(call):
    for n in range(5):
        call("wrong", REMOTE_ADDR=f"2001:db8:0:1::{n}")

    assert call("wrong", REMOTE_ADDR="2001:db8:0:1:ffff::1").status_code == 429
    assert call("wrong", REMOTE_ADDR="2001:db8:0:2::1").status_code == 401


def test_the_count_starts_over_after_a_minute(call, monkeypatch, settings):
    # This process's cache uses the clock that is patched here; Redis has its own.
    settings.CACHES = settings.CACHES | {"failed_attempts": settings.CACHES["local"]}
    now = 1_000_000.0
    monkeypatch.setattr(counters.time, "time", lambda: now)
    statuses(call, 5)

    now += 59
    assert call("wrong").status_code == 429
    now += 2
    assert call("wrong").status_code == 401


def test_no_failure_is_lost_between_threads(settings):
    settings.AUTH_FAILURES_PER_MINUTE = 1000
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: failed_attempts.count(None), range(400)))

    cache = caches["failed_attempts"]
    assert cache.get(f"auth-failures:None:{cache.get('auth-failures:None:window')}") == 400


def test_without_the_cache_the_process_counts_failures_itself(call, issue, settings, caplog):
    settings.CACHES = settings.CACHES | {
        "failed_attempts": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1",  # nothing listens on port 1
        }
    }
    _key, raw = issue()

    assert statuses(call, 5) == [401, 401, 401, 429, 429]
    assert call(raw).status_code == 200
    assert "in this process alone" in caplog.text


def test_429_has_the_envelope(call):
    statuses(call, 3)

    assert outcome(call("wrong")) == (
        429,
        {"error": {"code": "RATE_LIMITED", "message": "Too many failed authentications"}},
    )


def test_past_the_limit_nothing_is_counted_any_more(db, call, settings, monkeypatch):
    settings.AUTH_FAILURES_PER_MINUTE = 2
    first = [call("forged") for _ in range(3)][-1]
    monkeypatch.setattr(counters, "_increment", lambda *_: pytest.fail("counted on"))

    answer = call("forged")

    assert answer.status_code == first.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= int(first.headers["Retry-After"]) + 1


def test_the_limit_is_kept_only_in_the_cache(call):
    assert statuses(call, 4)[-1] == 429

    caches["failed_attempts"].clear()

    assert call("wrong").status_code == 401
