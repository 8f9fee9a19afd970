"""Verified keys are shared through Redis if there is one, and processes work without it."""

from __future__ import annotations

import pytest

from apikeys.auth import shared_cache
from apikeys.auth.verified_keys import SECONDS, verified_keys
from testing.keys import forged
from testing.services import Redis

NAME, PROOF = b"n" * 32, b"p" * 32


@pytest.fixture
def use_cache(settings):
    """Return a function that sets the URL of the cache."""

    def use_cache(location):
        settings.CACHES = settings.CACHES | {"default": {"LOCATION": location}}

    return use_cache


def test_without_redis_nothing_is_stored(use_cache):
    use_cache("default")
    verified_keys.set(NAME, PROOF)

    assert verified_keys.get(NAME) is None


def test_a_redis_that_is_gone_knows_no_key(use_cache, caplog):
    use_cache("redis://127.0.0.1:1")  # nothing listens on port 1
    verified_keys.set(NAME, PROOF)

    assert verified_keys.get(NAME) is None
    assert caplog.text.count("verified keys are kept in this process alone") == 1


@pytest.mark.django_db
def test_a_key_works_while_redis_is_gone(use_cache, issue, call, hasher):
    use_cache("redis://127.0.0.1:1")
    _key, raw = issue()
    hasher.forget()

    assert [call(raw).status_code for _ in range(3)] == [200] * 3
    assert hasher.verifications == 1


@pytest.mark.services
class TestInRedis:
    @pytest.fixture
    def redis(self, use_cache):
        redis = Redis().start()
        use_cache(redis.patient_url)
        yield redis
        redis.close()

    def test_a_verified_key_is_stored_for_a_month(self, redis):
        assert verified_keys.get(NAME) is None
        verified_keys.set(NAME, PROOF)

        assert verified_keys.get(NAME) == PROOF
        client = shared_cache.client(redis.patient_url)
        (key,) = client.keys()
        assert SECONDS - 60 < client.ttl(key) <= SECONDS

    @pytest.mark.django_db
    def test_a_forged_key_does_not_reach_it(self, redis, issue, call):
        key, _raw = issue()

        assert call(forged(key.key_id)).status_code == 401
        assert not shared_cache.client(redis.patient_url).keys("wizchat:verified:*")
