"""The effects of a report, whichever way it arrives."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from apikeys.core import keyformat
from apikeys.leaks import handling
from apikeys.leaks.tests.conftest import GITHUB, REPORT
from apikeys.models import APIKey, KeyEvent
from testing.keys import forged, secret_of

pytestmark = pytest.mark.django_db


def test_a_genuine_key_is_revoked_before_the_response(report, issue, call):
    key, raw = issue()
    assert call(raw).status_code == 200

    assert report(raw).status_code in {200, 202}

    answer = call(raw)
    assert (answer.status_code, answer.json()["error"]["message"]) == (401, "API key has been revoked")
    key.refresh_from_db()
    assert key.revoked_by is None


def test_the_activity_says_who_reported_what_why_and_how(report, issue, events, request):
    key, raw = issue()

    report(raw)

    way = {
        "page": "Reported on the website",
        "endpoint": "Reported through the API",
        "github": "Found by GitHub (commit)",
    }[request.node.callspec.params["report"]]
    assert events(key) == [("reported", "nobody", way), ("revoked", "nobody", "reported as leaked")]
    assert set(KeyEvent.objects.exclude(action="created").values_list("ip", flat=True)) == {"127.0.0.1"}


def test_notify_keeps_the_key_and_records_a_repeated_report_once(report, issue, call, events, settings):
    settings.LEAK_ACTION = "notify"
    key, raw = issue()

    for _ in range(3):
        report(raw)

    assert call(raw).status_code == 200
    assert [action for action, _, _ in events(key)] == ["reported"]


def test_an_unknown_key_a_wrong_secret_and_other_text_change_nothing(report, issue, call):
    key, raw = issue()

    for text in (forged(), forged(key.key_id), "hello", raw[:-1], key.masked, f"Bearer {key.key_id}"):
        assert report(text).status_code in {200, 202}

    assert call(raw).status_code == 200
    assert KeyEvent.objects.exclude(action="created").count() == 0


def test_a_key_that_has_ended_stays_as_it_is(report, issue, owner, events, yesterday):
    revoked, raw_of_revoked = issue()
    revoked.revoke(by=owner, now=yesterday)
    expired, raw_of_expired = issue(expires_at=yesterday)

    report(raw_of_revoked, raw_of_expired)

    assert events(expired) == []
    assert [action for action, _, _ in events(revoked)] == ["revoked"]
    revoked.refresh_from_db()
    assert revoked.revoked_at == yesterday


@pytest.mark.parametrize("path", ["page", "endpoint"])
def test_the_response_does_not_reveal_whether_a_key_is_genuine(path, issue, call, client):
    key, raw = issue()
    dead, raw_of_dead = issue()
    dead.revoke(by=None, now=timezone.now())

    def answer(text):
        if path == "page":
            response = client.post(
                "/report-key/", {"leaked_key": text}, secure=True, HTTP_X_REQUEST_ID="test"
            )
        else:
            response = call(None, "POST", REPORT, {"keys": [text]})
        headers = {name: value for name, value in response.headers.items() if name != "Expires"}
        return response.status_code, response.content, headers

    told = [answer(text) for text in (raw, raw, raw_of_dead, forged(), forged(key.key_id), "hello")]

    assert all(one == told[0] for one in told)


def test_a_thousand_forged_keys_cost_no_argon2_and_a_query_a_hundred(
    issue, call, hasher, django_assert_max_num_queries
):
    key, _raw = issue()
    keys = [forged() for _ in range(500)] + [forged(key.key_id) for _ in range(500)]

    with django_assert_max_num_queries(10):
        answer = call(None, "POST", REPORT, {"keys": keys})

    assert (answer.status_code, answer.json()) == (202, {"received": 1000})
    assert hasher.verifications == 0


@pytest.fixture
def colliding(monkeypatch):
    """Forge keys with the id and checksum of a key, which its holder can compute."""
    monkeypatch.setattr(keyformat, "checksum", lambda _body: "000000")

    def make(raw, count):
        parts, digits = keyformat.parse(raw), keyformat.SECRET_LENGTH
        return [str(parts._replace(secret=f"{number:0{digits}}")) for number in range(count)]

    return make


def test_keys_forged_to_share_a_checksum_cost_few_argon2_whatever_their_number(
    colliding, issue, hasher, report
):
    raws = [issue()[1] for _ in range(20)]
    hasher.forget()

    report(*(forged for raw in raws for forged in colliding(raw, 20)))

    assert hasher.verifications == handling.WRONG_SECRETS


def test_keys_that_share_a_checksum_hide_no_key_of_another_owner(colliding, issue, stranger, report):
    _key, mine = issue(owner=stranger, by=stranger)
    leaked, raw = issue()

    report(*colliding(mine, 20), raw)

    leaked.refresh_from_db()
    assert leaked.revoked_at is not None


def test_keys_that_share_a_checksum_hide_no_key_in_use(colliding, issue, call, hasher, report):
    leaked, raw = issue()
    assert call(raw).status_code == 200

    report(*colliding(raw, 20), raw)

    leaked.refresh_from_db()
    assert leaked.revoked_at is not None
    assert hasher.verifications == 1 + handling.WRONG_SECRETS


def test_repeated_reports_of_ended_keys_cost_no_argon2(colliding, issue, owner, hasher, client, call):
    key, raw = issue()
    key.revoke(by=owner, now=timezone.now())
    hasher.forget()

    call(None, "POST", REPORT, {"keys": [raw, *colliding(raw, 20)]})
    client.post("/report-key/", {"leaked_key": raw}, secure=True)

    assert hasher.verifications == 0


def test_a_key_within_other_text_is_found(client, call, issue):
    _key, raw = issue()

    client.post("/report-key/", {"leaked_key": f'API_KEY="{raw}" # production'}, secure=True)

    assert call(raw).status_code == 401


@pytest.mark.parametrize("path", ["/report-key/", REPORT])
def test_the_sixty_first_report_from_an_address_within_an_hour_is_refused(path, call, client, issue):
    _key, raw = issue()

    def send(text, address="192.0.2.1"):
        if path == REPORT:
            return call(None, "POST", REPORT, {"keys": [text]}, REMOTE_ADDR=address)
        return client.post(path, {"leaked_key": text}, secure=True, REMOTE_ADDR=address)

    assert {send("x").status_code for _ in range(60)} <= {200, 202}
    refused = send(raw)

    assert refused.status_code == 429
    assert 3500 < int(refused["Retry-After"]) <= 3600
    if path == REPORT:
        assert refused.json() == {"error": {"code": "RATE_LIMITED", "message": "Too many reports"}}
    assert call(raw).status_code == 200
    assert send("x", "192.0.2.2").status_code in {200, 202}


def test_a_forged_forwarded_header_does_not_evade_the_limit(call):
    answers = [
        call(None, "POST", REPORT, {"keys": ["x"]}, HTTP_X_FORWARDED_FOR=f"192.0.2.{n}").status_code
        for n in range(61)
    ]

    assert answers[-1] == 429


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "keys"),
        ({"keys": []}, "keys"),
        ({"keys": "wzc"}, "keys"),
        ({"keys": [1]}, "keys.0"),
        ({"keys": [None]}, "keys.0"),
        ({"keys": ["x"] * 1001}, "keys"),
        ({"keys": ["x"], "url": "y"}, "url"),
    ],
)
def test_an_invalid_report_gets_an_error_and_changes_nothing(call, body, field):
    answer = call(None, "POST", REPORT, body)

    assert answer.status_code == 400
    assert list(answer.json()["error"]["fields"]) == [field]


@pytest.mark.parametrize("path", [REPORT, GITHUB])
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_only_post_is_allowed(call, path, method):
    assert call(None, method, path).status_code == 405


def test_a_key_that_reports_needs_nothing_and_gains_nothing(call, issue, stranger):
    _key, raw = issue()
    _theirs, theirs = issue(owner=stranger)

    assert call(theirs, "POST", REPORT, {"keys": [raw]}).status_code == 202
    assert call(raw).status_code == 401
    assert call(theirs).status_code == 200


def test_a_key_of_a_closed_account_is_revoked_too(call, issue, owner):
    key, raw = issue()
    owner.is_active = False
    owner.save()

    call(None, "POST", REPORT, {"keys": [raw]})

    key.refresh_from_db()
    assert key.revoked_at


def test_the_page_needs_no_account_and_no_script(client):
    page = client.get("/report-key/", secure=True)

    assert page.status_code == 200
    assert "Leaked key</label>" in page.text
    assert '<button class="button primary">Report</button>' in page.text
    assert page["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"


@pytest.mark.parametrize("paste", ["{raw}", "{raw}" * 2000, "\x00{raw}"])
def test_the_page_never_shows_what_was_pasted(client, issue, paste):
    _key, raw = issue()

    answer = client.post("/report-key/", {"leaked_key": paste.format(raw=raw)}, secure=True)

    assert secret_of(raw)[:20] not in answer.text


def test_an_empty_report_is_an_error(client):
    answer = client.post("/report-key/", {"leaked_key": " "}, secure=True)

    assert "Paste the key that leaked." in answer.text
    assert "There is a problem" in answer.text


def test_a_form_from_another_site_reports_nothing(issue, call):
    _key, raw = issue()

    answer = Client(enforce_csrf_checks=True).post("/report-key/", {"leaked_key": raw}, secure=True)

    assert answer.status_code == 403
    assert call(raw).status_code == 200


def test_a_failure_reports_no_secret(issue, call, monkeypatch, caplog):
    _key, raw = issue()
    monkeypatch.setattr(APIKey, "revoke", lambda *_, **__: 1 / 0)

    answer = call(None, "POST", REPORT, {"keys": [raw]})

    assert answer.status_code == 500
    assert secret_of(raw) not in caplog.text
    assert KeyEvent.objects.filter(action="reported").count() == 0


def test_where_a_key_was_found_has_no_secret_and_no_control_characters():
    raw = forged()

    text = handling.printable(f"a\r\nb {raw} " + "x" * 1000)

    assert text.startswith("a  b wzc_")
    assert secret_of(raw) not in text
    assert len(text) == handling.DETAIL_LENGTH


def test_the_same_report_is_recorded_again_after_a_day(issue, settings, events):
    settings.LEAK_ACTION = "notify"
    key, raw = issue()
    now = timezone.now()

    for hours in (0, 23, 25):
        handling.report([raw], now=now + timedelta(hours=hours), ip="", where="here")

    assert len(events(key)) == 2
