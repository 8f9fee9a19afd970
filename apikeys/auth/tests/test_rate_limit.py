"""Every accepted request counts against its key's limit, and every response says what is left."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.utils import parsedate_to_datetime
from types import SimpleNamespace

import pytest
from django.core.cache import caches
from django.utils import timezone

from apikeys.auth import rate_limit
from apikeys.auth.rate_limit import SECOND
from apikeys.core.rates import Rate
from apikeys.models import APIKey, Permission
from apikeys.usage import recorder
from testing.fixtures import error, outcome

pytestmark = pytest.mark.django_db

HEADERS = ("RateLimit-Policy", "RateLimit", "Retry-After")


@pytest.fixture(autouse=True)
def _limit(settings):
    caches["default"].clear()
    settings.RATE_LIMIT = Rate(3, 60)


def limit_headers(response):
    """Return the headers about the limit, without the seconds left: a busy machine takes some of them."""
    headers = {name: response.headers[name] for name in HEADERS if name in response.headers}
    if headers:
        headers["RateLimit"], _, seconds = headers["RateLimit"].rpartition(";t=")
        assert 0 < int(seconds) <= 60
        assert headers.pop("Retry-After", None) == (seconds if response.status_code == 429 else None)
    return headers


def test_the_default_is_6000_a_minute():
    from wizchat.settings import RATE_LIMIT

    assert Rate(6000, 60) == RATE_LIMIT


def test_every_response_says_what_is_left(issue, call):
    _key, raw = issue()

    for left in (2, 1, 0):
        response = call(raw)
        assert response.status_code == 200
        assert limit_headers(response) == {
            "RateLimit-Policy": '"default";q=3;w=60',
            "RateLimit": f'"default";r={left}',
        }


def test_past_the_limit_the_response_is_429(issue, call):
    _key, raw = issue()
    for _ in range(3):
        call(raw)

    response = call(raw)

    assert outcome(response) == error(429, "RATE_LIMITED", "Rate limit exceeded")
    assert limit_headers(response) == {"RateLimit-Policy": '"default";q=3;w=60', "RateLimit": '"default";r=0'}
    assert response.headers["Cache-Control"] == "no-store"


def test_a_request_that_ends_in_an_error_counts_too(issue, call, monkeypatch, settings):
    _key, raw = issue(Permission.READ)
    monkeypatch.setattr("chatbots.views.ChatbotList.parameters", lambda _: 1 / 0)
    calls = [
        ("POST", "/v1/chatbots", 403),
        ("GET", "/v1/chatbots/00000000-0000-0000-0000-000000000000", 404),
        ("PUT", "/v1/chatbots", 405),
        ("GET", "/v1/chatbots", 500),
        ("GET", "/v1/chatbots", 429),
    ]
    settings.RATE_LIMIT = Rate(4, 60)

    for left, (method, path, status) in zip((3, 2, 1, 0, 0), calls, strict=True):
        response = call(raw, method, path)
        assert response.status_code == status
        assert limit_headers(response)["RateLimit"] == f'"default";r={left}'


def test_a_refused_key_neither_counts_nor_learns_its_limit(issue, call):
    key, raw = issue(allowed_networks="192.0.2.1")
    for _ in range(5):
        response = call(raw)
        assert (response.status_code, limit_headers(response)) == (403, {})

    assert limit_headers(call(raw, REMOTE_ADDR="192.0.2.1"))["RateLimit"] == '"default";r=2'
    key.revoke(by=None, now=timezone.now())
    assert limit_headers(call(raw)) == limit_headers(call("wrong")) == limit_headers(call()) == {}


def test_keys_are_counted_separately(issue, call):
    for _ in range(2):
        assert limit_headers(call(issue()[1]))["RateLimit"] == '"default";r=2'


def test_off_sends_no_headers_and_limits_nothing(issue, call, settings):
    settings.RATE_LIMIT = None
    _key, raw = issue()

    assert [(call(raw).status_code, limit_headers(call(raw))) for _ in range(5)] == [(200, {})] * 5


@pytest.mark.parametrize("everybodys", [Rate(3, 60), None])
@pytest.mark.parametrize(
    ("own", "policy", "calls"), [("1/hour", "q=1;w=3600", 1), ("5/second", "q=5;w=1", 5)]
)
def test_a_keys_own_limit_overrides_the_default(issue, call, settings, everybodys, own, policy, calls):
    settings.RATE_LIMIT = everybodys
    key, raw = issue()
    APIKey.objects.filter(pk=key.pk).update(rate_limit=own)

    response = call(raw)

    assert response.headers["RateLimit-Policy"] == f'"default";{policy}'
    assert response.headers["RateLimit"].startswith(f'"default";r={calls - 1};')


def test_a_keys_own_limit_can_be_off(issue, call):
    key, raw = issue()
    APIKey.objects.filter(pk=key.pk).update(rate_limit="off")

    assert {call(raw).status_code for _ in range(5)} == {200}


def test_an_invalid_limit_of_a_key_falls_back_to_the_default(issue, call):
    key, raw = issue()
    APIKey.objects.filter(pk=key.pk).update(rate_limit="lots")

    assert [call(raw).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_a_window_ends(monkeypatch):
    now = 1000 * SECOND
    monkeypatch.setattr(rate_limit.time, "monotonic_ns", lambda: now)
    windows, rate = rate_limit.Windows(), Rate(1, 60)

    assert windows.count(1, rate) == (rate, 1, 60)
    now += 59 * SECOND + SECOND // 2
    assert windows.count(1, rate) == (rate, 2, 1)
    now += SECOND // 2
    assert windows.count(1, rate) == (rate, 1, 60)


@pytest.mark.parametrize("uptime", [70.3, 127.3, 250.1], ids="{} s".format)
def test_a_new_window_is_no_longer_than_the_policys(monkeypatch, uptime):
    """As floats, 70.3 + 60 - 70.3 is more than 60."""
    monkeypatch.setattr(rate_limit.time, "monotonic_ns", lambda: int(uptime * SECOND))

    assert rate_limit.Windows().count(1, Rate(1, 60)).seconds == 60


def test_no_request_is_lost_between_threads(settings):
    settings.RATE_LIMIT = Rate(1000, 60)
    credential = SimpleNamespace(id=1, rate_limit="")

    with ThreadPoolExecutor(8) as threads:
        allowances = list(threads.map(lambda _: rate_limit.count(credential), range(400)))

    assert sorted(allowance.calls for allowance in allowances) == list(range(1, 401))


def test_without_the_cache_the_process_counts_requests_itself(issue, call, settings, caplog):
    settings.CACHES = settings.CACHES | {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1",  # nothing listens on port 1
        }
    }
    _key, raw = issue()

    assert [call(raw).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert caplog.text.count("in this process alone") == 1


def test_usage_counts_what_the_limit_refused(issue, call):
    key, raw = issue()
    for _ in range(5):
        call(raw)
    recorder.flush()

    counts = dict(key.usage.values_list("outcome", "count"))
    assert counts == {"answered": 3, "rate_limited": 2}


@pytest.mark.parametrize(
    ("days", "has_sunset"), [(13.99, True), (14.01, False), (None, False)], ids=["soon", "later", "never"]
)
def test_a_key_that_ends_soon_gets_a_sunset_header(issue, call, days, has_sunset):
    end = days and timezone.now() + timedelta(days=days)
    _key, raw = issue(Permission.READ, expires_at=end)

    for method, status in (("GET", 200), ("POST", 403), ("PUT", 405), ("GET", 429)):
        response = call(raw, method)
        assert response.status_code == status
        assert ("Sunset" in response.headers) is has_sunset
        if has_sunset:
            assert parsedate_to_datetime(response.headers["Sunset"]) == end.replace(microsecond=0)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("POST", "/rotate", {"overlap_seconds": 86400}), ("PATCH", "", {"expires_at": "{tomorrow}"})],
    ids=["rotate", "change"],
)
def test_the_response_that_shortens_the_callers_own_life_has_a_sunset_header(issue, call, method, path, body):
    key, raw = issue()
    tomorrow = timezone.now() + timedelta(days=1)
    body = {name: tomorrow.isoformat() if value == "{tomorrow}" else value for name, value in body.items()}

    response = call(raw, method, f"/v1/keys/{key.key_id}{path}", body)

    assert response.status_code in {200, 201}
    sunset = parsedate_to_datetime(response.headers["Sunset"])
    assert abs(sunset - tomorrow) < timedelta(minutes=1)


def test_the_old_key_of_a_rotation_gets_a_sunset_header(issue, call, owner):
    key, raw = issue()
    now = timezone.now()
    key.rotate(by=owner, now=now, overlap=timedelta(days=1))

    assert parsedate_to_datetime(call(raw).headers["Sunset"]) == (now + timedelta(days=1)).replace(
        microsecond=0
    )
