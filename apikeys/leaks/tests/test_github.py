"""GitHub's secret scanning protocol: nothing happens without GitHub's signature."""

from __future__ import annotations

import json
from contextlib import ExitStack

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from apikeys.leaks import github
from apikeys.leaks.tests.conftest import GITHUB
from apikeys.models import KeyEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def fetches(monkeypatch):
    """Count how often the public keys are fetched."""
    made = []
    fetch = github.fetch
    monkeypatch.setattr(github, "fetch", lambda url: made.append(url) or fetch(url))
    return made


def test_each_token_is_labelled_whatever_its_state(from_github, issue, forged, owner):
    live, raw = issue()
    dead, raw_of_dead = issue()
    dead.revoke(by=owner, now=dead.created_at)

    answer = from_github(raw, raw_of_dead, forged(), forged(live.key_id), "hello")

    assert answer.status_code == 200
    assert [entry["label"] for entry in answer.json()] == ["true_positive"] * 2 + ["false_positive"] * 3
    assert answer.json()[0] == {
        "token_raw": raw,
        "token_type": "wizchat_api_key",
        "label": "true_positive",
    }


def test_the_activity_says_where_github_found_it(from_github, issue, events):
    key, raw = issue()

    from_github(raw, url="https://github.com/octo/demo/blob/main/.env")

    assert events(key)[0] == (
        "reported",
        "nobody",
        "Found by GitHub (commit): https://github.com/octo/demo/blob/main/.env",
    )


def signed_by_a_stranger(service, body):
    return service.sign(body, pair=ec.generate_private_key(ec.SECP256R1()))


def signed_for_another_body(service, body):
    return service.sign(body + b" ")


def under_an_unknown_identifier(service, body):
    return service.sign(body) | {"HTTP_GITHUB_PUBLIC_KEY_IDENTIFIER": "nobody's"}


def without_a_signature(service, body):
    return {"HTTP_GITHUB_PUBLIC_KEY_IDENTIFIER": "first"}


def without_an_identifier(service, body):
    return {name: value for name, value in service.sign(body).items() if name.endswith("SIGNATURE")}


def without_anything(service, body):
    return {}


def with_a_signature_that_is_not_base64(service, body):
    return service.sign(body) | {"HTTP_GITHUB_PUBLIC_KEY_SIGNATURE": "!!! é"}


def with_a_signature_that_is_not_der(service, body):
    return service.sign(body) | {"HTTP_GITHUB_PUBLIC_KEY_SIGNATURE": "AAAA"}


def on_another_curve(service, body):
    service.add("other", ec.SECP384R1())
    return service.sign(body, "other")


@pytest.mark.parametrize(
    "headers",
    [
        signed_by_a_stranger,
        signed_for_another_body,
        under_an_unknown_identifier,
        without_a_signature,
        without_an_identifier,
        without_anything,
        with_a_signature_that_is_not_base64,
        with_a_signature_that_is_not_der,
        on_another_curve,
    ],
)
def test_a_forged_report_is_refused_and_nothing_happens(call, issue, github_service, headers):
    _key, raw = issue()
    body = json.dumps([{"token": raw, "type": "t", "url": "", "source": ""}]).encode()

    answer = call(None, "POST", GITHUB, body, **headers(github_service, body))

    assert (answer.status_code, answer.json()["error"]["message"]) == (401, "Invalid signature")
    assert call(raw).status_code == 200
    assert KeyEvent.objects.exclude(action="created").count() == 0


def test_a_report_that_is_sent_again_does_nothing(from_github, issue, events):
    key, raw = issue()

    answers = [from_github(raw).json() for _ in range(2)]

    assert answers[0] == answers[1]
    assert len(events(key)) == 2


def test_the_public_keys_are_fetched_once(from_github, fetches):
    for _ in range(5):
        assert from_github("x").status_code == 200

    assert len(fetches) == 1


def test_a_key_that_github_added_is_looked_up(from_github, call, github_service, fetches):
    from_github("x")
    github_service.add("second")
    body = b"[]"

    assert call(None, "POST", GITHUB, body, **github_service.sign(body, "second")).status_code == 200
    assert len(fetches) == 2


def test_forged_identifiers_make_few_fetches(call, github_service, fetches):
    for number in range(100):
        forged = github_service.sign(b"[]") | {"HTTP_GITHUB_PUBLIC_KEY_IDENTIFIER": f"forged{number}"}
        assert call(None, "POST", GITHUB, b"[]", **forged).status_code == 401

    assert len(fetches) <= github.LOOKUPS_PER_MINUTE + 1
    assert call(None, "POST", GITHUB, b"[]", **github_service.sign(b"[]")).status_code == 200


@pytest.mark.parametrize("document", [None, "not JSON", "[]", '{"public_keys": [{"key": "x"}]}'])
def test_an_outage_of_the_keys_refuses_the_report_and_nothing_else(
    from_github, call, issue, github_service, document
):
    _key, raw = issue()
    if document is None:
        github_service.document.unlink()
    else:
        github_service.document.write_text(document)

    answer = from_github(raw)

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "UNAVAILABLE")
    assert "Retry-After" in answer
    assert call(raw).status_code == 200


def test_after_an_outage_reports_are_taken_again(from_github, github_service, monkeypatch):
    github_service.document.unlink()
    assert from_github("x").status_code == 503
    github_service.publish()
    monkeypatch.setattr(github.PUBLIC_KEYS, "_retry_at", 0.0)

    assert from_github("x").status_code == 200


def test_a_hanging_fetch_holds_up_one_request_alone(from_github, monkeypatch):
    monkeypatch.setattr(github, "LOCK_TIMEOUT", 0.01)

    with github.PUBLIC_KEYS._lock:
        assert from_github("x").status_code == 503


def test_a_flood_of_unknown_identifiers_holds_few_threads_and_no_report_of_a_known_one(
    from_github, github_service
):
    assert from_github("x").status_code == 200
    flood = {"HTTP_GITHUB_PUBLIC_KEY_IDENTIFIER": "unknown", "HTTP_GITHUB_PUBLIC_KEY_SIGNATURE": "AAAA"}

    with ExitStack() as waiting, github.PUBLIC_KEYS._lock:
        for _ in range(github.MOST_AT_ONCE):
            waiting.enter_context(github.PUBLIC_KEYS._room)
        refused = from_github("x", headers=flood)
        taken = from_github("x")

    assert (refused.status_code, taken.status_code) == (503, 200)


@pytest.mark.parametrize("body", [b"{}", b"[1]", b'[{"token": 1}]', b"x", b"\xff", b"[" * 100_000])
def test_a_signed_report_that_cannot_be_read_is_a_400(call, github_service, body):
    assert call(None, "POST", GITHUB, body, **github_service.sign(body)).status_code == 400
