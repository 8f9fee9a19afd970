"""Operators' tasks on a running installation, and its metrics and logs."""

from __future__ import annotations

import json

import pytest
from prometheus_client.parser import text_string_to_metric_families

from testing.client import Person, call, send
from testing.keys import id_of, secret_of
from testing.services import wait_until

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("faults")]

TOKEN = "metrics-token"
METRIC = "wizchat_authentications_total"


def samples(cluster):
    """Return the metrics, as reported by any one process, by name and label."""
    answer = send(cluster.url, path="/metrics", Authorization=f"Bearer {TOKEN}")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_keys_and_passwords_survive_a_new_secret_key_and_sessions_do_not(serve, cluster, member, key):
    renewed = serve(SECRET_KEY="another-" * 8)

    assert call(renewed.url, key).status == 200
    assert Person(renewed.url, member.session).get("/settings/api/").status == 302
    person = Person(renewed.url)
    answer = person.post("/accounts/login/", login=member.username, password=member.password)
    assert (answer.status, "sessionid" in person.cookies) == (302, True)
    assert Person(cluster.url, member.session).get("/settings/api/").status == 200


def test_a_restored_backup_revives_revoked_keys_and_one_command_revokes_them(
    serve, cluster, postgres, member, key
):
    dump = postgres.dump()
    cluster.manage("apikey", "revoke", id_of(key))
    assert call(cluster.url, key).status == 401

    restored = serve(DATABASE_URL=postgres.restore(dump, "restored"), WEB_CONCURRENCY="1")
    back = call(restored.url, key)
    restored.manage("apikey", "revoke", "--all-created-before", "2100-01-01")

    assert back.status == 200
    assert call(restored.url, key).error["message"] == "API key has been revoked"
    young = restored.issue(member)
    assert call(restored.url, young).status == 200


def test_any_process_reports_the_metrics_of_all(cluster, key, address):
    before = samples(cluster)
    for _ in range(60):
        call(cluster.url, key)
    for _ in range(3):
        call(cluster.url, "malformed", source=address)
    after = [samples(cluster) for _ in range(8)]

    for numbers in after:
        assert numbers[METRIC, "accepted"] - before[METRIC, "accepted"] == 60
        assert numbers[METRIC, "malformed"] - before[METRIC, "malformed"] == 3
        requests = "wizchat_requests_total", "200"
        assert numbers[requests] - before[requests] >= 60
        assert numbers["wizchat_key_argon2_seconds_count",] >= 1
        assert numbers["wizchat_key_verified_cache_hits_total",] >= 56


def test_a_new_server_verifies_no_key_that_another_one_has_verified(serve, cluster, member, key, redis):
    begun = serve(METRICS_TOKEN=TOKEN)
    assert {call(begun.url, key).status for _ in range(20)} == {200}
    assert samples(begun).get(("wizchat_key_argon2_seconds_count",), 0) == 0

    cluster.manage("apikey", "revoke", id_of(key))

    assert call(serve(METRICS_TOKEN=TOKEN).url, key).error["message"] == "API key has been revoked"


def test_usage_that_cannot_be_written_shows_as_lag(cluster, postgres, key):
    lag = ("wizchat_usage_lag_seconds",)

    def failures():
        return cluster.log.read_text().count("kept for the next try")

    before = failures()  # in earlier tests

    with postgres.connect() as connection, connection.transaction():
        connection.execute("LOCK TABLE apikeys_keyusage IN SHARE MODE")
        call(cluster.url, key)
        # The write itself waits until the statement timeout; the next attempt reports the lag.
        wait_until(lambda: failures() > before, "a failed writing")
        wait_until(lambda: samples(cluster)[lag] > 3, "lag")

    wait_until(lambda: samples(cluster)[lag] < 3, "no lag")


def test_the_log_is_one_object_per_line_with_its_request_id(cluster, key, member):
    revoked = cluster.issue(member)
    cluster.manage("apikey", "revoke", id_of(revoked))
    call(cluster.url, revoked, **{"X-Request-ID": "look-for-me"})

    lines = [json.loads(line) for line in cluster.log.read_text().splitlines()]
    (line,) = [line for line in lines if line.get("request_id") == "look-for-me"]

    assert (line["logger"], line["status"]) == ("wizchat.requests", 401)
    assert (line["reason"], line["key_id"]) == ("revoked", id_of(revoked))
    assert secret_of(revoked) not in cluster.log.read_text()
