"""GitHub's secret scanning protocol: nothing happens without GitHub's signature."""

from __future__ import annotations

import json
from contextlib import ExitStack

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client

from apikeys.leaks import github
from apikeys.leaks.tests.conftest import GITHUB
from apikeys.models import KeyEvent, Notice
from apikeys.notices.emails import message
from testing.keys import forged
from wizchat.observability import logs

pytestmark = pytest.mark.django_db


@pytest.fixture
def fetches(monkeypatch):
    """Count how often the public keys are fetched."""
    made = []
    fetch = github.fetch
    monkeypatch.setattr(github, "fetch", lambda url: made.append(url) or fetch(url))
    return made


def test_each_token_is_labelled_whatever_its_state(from_github, issue, owner):
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


def test_a_hostile_report_is_plain_text_wherever_it_is_shown(from_github, issue, owner, admin_client):
    key, raw = issue()
    mine = Client()
    mine.force_login(owner)
    script = '"><script>alert(1)</script>'
    answer = from_github(
        raw,
        url=f"javascript:alert(1)//{script}\r\nBcc: eve@example.com\u202e",
        source=f"=1+1{script}",
        type=script,
    )
    event = KeyEvent.objects.get(key=key, action="reported")

    pages = [
        mine.get("/settings/api/activity/").text,
        mine.get(f"/settings/api/{key.key_id}/").text,
        admin_client.get(f"/admin/apikeys/apikey/{key.pk}/change/").text,
        admin_client.get("/admin/apikeys/keyevent/").text,
        admin_client.get(f"/admin/apikeys/keyevent/{event.pk}/change/").text,
    ]
    email = message(Notice.objects.select_related("key__owner", "event").get(kind="reported"))

    assert answer["Content-Type"] == "application/json"
    for html in pages:
        assert "javascript:alert(1)" in html
        assert "<script>alert" not in html
        assert 'href="javascript' not in html
        assert "\u202e" not in html
    assert email.recipients() == [owner.email]
    assert not email.message()["Bcc"]
    assert "\nBcc" not in email.body


def signed_by_a_stranger(service, body):
    return service.sign(body, pair=ec.generate_private_key(ec.SECP256R1()))


def signed_for_another_body(service, body):
    return service.sign(body + b" ")


def with_an_unknown_identifier(service, body):
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
        with_an_unknown_identifier,
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

    assert (answer.status_code, answer.json()["error"]["message"]) == (403, "Invalid signature")
    assert call(raw).status_code == 200
    assert KeyEvent.objects.exclude(action="created").count() == 0


def test_a_repeated_report_does_nothing(from_github, issue, events):
    key, raw = issue()

    answers = [from_github(raw).json() for _ in range(2)]

    assert answers[0] == answers[1]
    assert len(events(key)) == 2


def test_the_public_keys_are_fetched_once(from_github, fetches):
    for _ in range(5):
        assert from_github("x").status_code == 200

    assert len(fetches) == 1


def test_a_public_key_that_github_has_added_is_fetched(from_github, call, github_service, fetches):
    from_github("x")
    github_service.add("second")
    body = b"[]"

    assert call(None, "POST", GITHUB, body, **github_service.sign(body, "second")).status_code == 200
    assert len(fetches) == 2


def test_forged_identifiers_cause_few_fetches(call, github_service, fetches):
    for number in range(100):
        forged = github_service.sign(b"[]") | {"HTTP_GITHUB_PUBLIC_KEY_IDENTIFIER": f"forged{number}"}
        assert call(None, "POST", GITHUB, b"[]", **forged).status_code == 403

    assert len(fetches) <= github.LOOKUPS_PER_MINUTE + 1
    assert call(None, "POST", GITHUB, b"[]", **github_service.sign(b"[]")).status_code == 200


@pytest.mark.parametrize("document", [None, "not JSON", "[]", '{"public_keys": [{"key": "x"}]}'])
def test_without_githubs_keys_only_githubs_reports_are_refused(
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


def test_what_is_no_signature_is_refused_even_without_githubs_keys(from_github, github_service):
    github_service.document.unlink()

    for signature in ("AAAA", "!!!"):
        forged = github_service.sign(b"") | {"HTTP_GITHUB_PUBLIC_KEY_SIGNATURE": signature}
        assert from_github("x", headers=forged).status_code == 403


def test_an_unreadable_key_does_not_hide_githubs_others(from_github, github_service):
    document = json.loads(github_service.document.read_text())
    for key in ("x", "-----BEGIN PUBLIC KEY-----\nMAUwAwYBKgMA\n-----END PUBLIC KEY-----\n"):
        document["public_keys"].insert(0, {"key_identifier": "new", "key": key})
    github_service.document.write_text(json.dumps(document))

    assert from_github("x").status_code == 200


def test_an_outage_is_logged_once_and_so_is_its_end(from_github, github_service, caplog, monkeypatch):
    monkeypatch.setattr(github, "PAUSE_AFTER_FAILURE", 0)
    github_service.document.unlink()
    assert [from_github("x").status_code for _ in range(3)] == [503] * 3
    github_service.publish()
    assert [from_github("x").status_code for _ in range(2)] == [200] * 2

    lines = logs.OneLine()
    said = [record.getMessage() for record in caplog.records if lines.filter(record)]
    said = [line for line in said if not line.startswith("POST ")]
    assert [line.partition(",")[0] for line in said] == [
        "GitHub's public keys cannot be fetched",
        "GitHub's public keys can be fetched again",
    ]


def test_after_an_outage_reports_are_accepted_again(from_github, github_service, monkeypatch):
    github_service.document.unlink()
    assert from_github("x").status_code == 503
    github_service.publish()
    monkeypatch.setattr(github.PUBLIC_KEYS, "_retry_at", 0.0)

    assert from_github("x").status_code == 200


def test_a_hanging_fetch_holds_up_only_one_request(from_github, monkeypatch):
    monkeypatch.setattr(github, "LOCK_TIMEOUT", 0.01)

    with github.PUBLIC_KEYS._lock:
        assert from_github("x").status_code == 503


def test_a_flood_of_unknown_identifiers_holds_few_threads_and_no_report_of_a_known_one(
    from_github, github_service
):
    assert from_github("x").status_code == 200
    flood = github_service.sign(b"another body") | {"HTTP_GITHUB_PUBLIC_KEY_IDENTIFIER": "unknown"}

    with ExitStack() as waiting, github.PUBLIC_KEYS._lock:
        for _ in range(github.MOST_AT_ONCE):
            waiting.enter_context(github.PUBLIC_KEYS._room)
        refused = from_github("x", headers=flood)
        taken = from_github("x")

    assert (refused.status_code, taken.status_code) == (503, 200)


@pytest.mark.parametrize(
    "body",
    [b"{}", b"[1]", b'[{"token": 1}]', rb'[{"token": "\ud800"}]', b"x", b"\xff", b"[" * 100_000],
    ids=range(7),
)
def test_a_signed_report_that_cannot_be_read_is_a_400(call, github_service, body):
    assert call(None, "POST", GITHUB, body, **github_service.sign(body)).status_code == 400
