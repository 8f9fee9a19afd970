"""Metrics, for operators only."""

import pytest
from django.test import Client
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

TOKEN = "t" * 40
client = Client()


@pytest.fixture(autouse=True)
def _token(settings):
    settings.METRICS_TOKEN = TOKEN


@pytest.fixture
def grown():
    """Return a function that returns by how much a sample has grown since the test began."""

    def value(name, **labels):
        return REGISTRY.get_sample_value(name, labels) or 0

    before = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for metric in REGISTRY.collect()
        for sample in metric.samples
    }
    return lambda name, **labels: value(name, **labels) - before.get((name, *sorted(labels.items())), 0)


def read(token=TOKEN):
    return client.get("/metrics", headers={"authorization": f"Bearer {token}"})


def test_the_token_gives_access_to_valid_prometheus_metrics(db):
    response = read()

    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain; version=")
    names = {family.name for family in text_string_to_metric_families(response.text)}
    assert {
        "wizchat_requests",
        "wizchat_authentications",
        "wizchat_key_verified_cache_hits",
        "wizchat_key_argon2_seconds",
        "wizchat_usage_lag_seconds",
        "wizchat_email_queue_length",
        "wizchat_email_queue_age_seconds",
    } <= names


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x", "\xff"])
def test_a_stranger_reads_nothing(token):
    response = read(token)

    assert response.status_code == 401
    assert "wizchat" not in response.text
    assert client.get("/metrics").status_code == 401


def test_without_a_token_there_is_no_such_page(settings):
    settings.METRICS_TOKEN = ""

    assert read("").status_code == 404
    assert client.get("/metrics").status_code == 404


@pytest.mark.django_db
def test_requests_are_counted_by_status(call, grown):
    call()
    call(path="/v1/nothing")
    call(path="/v1/nothing")

    assert grown("wizchat_requests_total", status="401") == 1
    assert grown("wizchat_requests_total", status="404") == 2


@pytest.mark.django_db
def test_authentications_are_counted_by_outcome(issue, call, grown):
    key, raw = issue(permissions=1)
    call(raw)
    call(raw, "POST")
    call("malformed")
    key.revoke(by=None, now=key.created_at)
    call(raw)

    counted = {outcome: grown("wizchat_authentications_total", outcome=outcome) for outcome in OUTCOMES}
    assert counted == {"accepted": 1, "permission": 1, "malformed": 1, "revoked": 1, "unknown": 0}


OUTCOMES = ["accepted", "permission", "malformed", "revoked", "unknown"]


@pytest.mark.django_db
def test_argon2_runs_and_hits_of_the_verified_cache_are_counted(issue, call, grown, hasher):
    _key, raw = issue()
    hasher.forget()
    for _ in range(3):
        call(raw)

    assert grown("wizchat_key_argon2_seconds_count") == 2  # one to encode, one to verify
    assert grown("wizchat_key_argon2_seconds_sum") > 0
    assert grown("wizchat_key_verified_cache_hits_total") == 2
