"""How the worker handles failures of the mail server and recipients, and other workers."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.core.management import call_command
from django.db import OperationalError
from django.utils import timezone

from apikeys.models import Notice
from apikeys.notices import worker as workers
from apikeys.notices.claims import Claims
from apikeys.notices.worker import MailServerDown, Worker

pytestmark = pytest.mark.django_db


class MailServer(EmailBackend):
    """Accepts emails unless it is ``down`` or refuses a recipient."""

    down = False
    refused = {}

    def open(self):
        if self.down:
            raise ConnectionRefusedError

    def send_messages(self, messages):
        if self.down:
            raise SMTPServerDisconnected("gone")
        for recipient in messages[0].to:
            if recipient in self.refused:
                raise SMTPRecipientsRefused({recipient: (self.refused[recipient], b"no")})
        return super().send_messages(messages)


@pytest.fixture
def server(settings, monkeypatch):
    settings.NOTICES_EMAIL_BACKEND = f"{__name__}.MailServer"
    monkeypatch.setattr(MailServer, "down", False)
    monkeypatch.setattr(MailServer, "refused", {})
    return MailServer


def waiting():
    return Notice.objects.waiting().count()


def test_a_mail_server_that_is_down_loses_nothing(issue, server, capsys):
    for _ in range(3):
        issue()
    server.down = True
    call_command("worker", "--once")
    assert (waiting(), mail.outbox) == (3, [])
    assert "stay queued" in capsys.readouterr().err

    server.down = False
    call_command("worker", "--once")

    assert (waiting(), len(mail.outbox)) == (0, 3)


def test_a_mail_server_that_disconnects_gets_the_email_again(issue, server, monkeypatch):
    issue()
    monkeypatch.setattr(server, "open", lambda _self: None)
    server.down = True
    with pytest.raises(MailServerDown):
        Worker().send_waiting()

    server.down = False
    assert Worker().send_waiting() == 0  # the email waits for its pause to end
    Notice.objects.update(due_at=timezone.now())

    assert Worker().send_waiting() == 1


def test_one_recipient_that_is_refused_does_not_hold_up_the_others(issue, stranger, server):
    issue()
    issue(owner=stranger)
    server.refused = {"olga@example.com": 450}

    call_command("worker", "--once")

    assert [message.to for message in mail.outbox] == [["stan@example.com"]]
    assert waiting() == 1


def test_pauses_grow(issue, server):
    issue()
    server.refused = {"olga@example.com": 450}
    pauses = []
    for _ in range(12):
        Worker().send_waiting(even_postponed=True)
        pauses.append(round((Notice.objects.get().due_at - timezone.now()).total_seconds()))

    assert pauses == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600]


@pytest.mark.parametrize(
    ("code", "attempts"), [(550, workers.FINALLY_REFUSED_AT_MOST), (450, workers.REFUSED_AT_MOST)]
)
def test_a_recipient_who_is_refused_is_given_up_after_a_while(issue, server, caplog, code, attempts):
    issue()
    server.refused = {"olga@example.com": code}

    for _ in range(attempts):
        assert waiting() == 1
        Worker().send_waiting(even_postponed=True)

    assert waiting() == 0
    assert Notice.objects.get().refusal == f"{code} no"
    assert f"{code}; given up" in caplog.messages[-1]


def test_a_temporary_refusal_is_retried_for_over_five_days(issue):
    issue()
    notice, now = Notice.objects.get(), timezone.now()
    start = now
    for _ in range(workers.REFUSED_AT_MOST - 1):
        assert notice.claim("me", now)
        notice.postpone(now)
        now = Notice.objects.get().due_at

    assert now - start > timedelta(days=5)


def test_an_email_has_one_message_id_however_often_it_is_tried(issue):
    issue()
    notice = Notice.objects.select_related("key__owner").get()

    assert len({workers.message(notice).message()["Message-ID"] for _ in range(3)}) == 1


def test_an_email_that_cannot_be_written_does_not_hold_up_the_others(issue, monkeypatch, server):
    for _ in range(2):
        issue()
    first = Notice.objects.order_by("pk").first()
    message = workers.message
    monkeypatch.setattr(workers, "message", lambda one: 1 / 0 if one.pk == first.pk else message(one))

    assert Worker().send_waiting() == 1
    assert waiting() == 1


@pytest.mark.parametrize("email", ["olga@example.com\nBcc: eve@example.com", "a\r\nb <olga@example.com>"])
def test_an_address_with_a_line_break_gets_no_email_and_is_given_up(issue, owner, server, email):
    type(owner).objects.filter(pk=owner.pk).update(email=email)
    issue()
    Notice.objects.update(attempts=workers.REFUSED_AT_MOST - 2)

    assert Worker().send_waiting() == 0
    assert waiting() == 1
    assert Worker().send_waiting(even_postponed=True) == 0
    assert waiting() == 0
    assert mail.outbox == []


def test_an_email_is_left_to_the_worker_that_sends_it_until_the_claim_runs_out(issue):
    issue()
    now = timezone.now()
    assert Notice.objects.get().claim("another", now)

    assert Worker().send_waiting(even_postponed=True) == 0
    Notice.objects.update(claimed_until=now - timedelta(seconds=1))
    assert Worker().send_waiting() == 1


def test_two_workers_with_the_same_batch_send_each_email_once(issue):
    for _ in range(3):
        issue()
    first, second = Worker(), Worker()
    batch, same_batch = first._batch(set(), False), second._batch(set(), False)

    assert [first._claims.take(notice) for notice in batch] == [True] * 3
    assert [second._claims.take(notice) for notice in same_batch] == [False] * 3


def claimed_twice():
    """Return one notice twice: as its slow worker has it, and as the worker that has claimed it since."""
    slow, quick = Notice.objects.get(), Notice.objects.get()
    now = timezone.now()
    assert slow.claim("slow", now - timedelta(hours=1))
    assert quick.claim("quick", now)
    return slow, quick


def test_a_worker_whose_claim_ran_out_does_not_undo_what_the_next_one_did(issue):
    issue()
    slow, _quick = claimed_twice()
    before = Notice.objects.values().get()

    slow.postpone(timezone.now())
    slow.drop(timezone.now())

    assert Notice.objects.values().get() == before


def test_a_sent_email_is_recorded_even_if_another_worker_has_claimed_it_since(issue):
    issue()
    slow, quick = claimed_twice()

    slow.note_sent(timezone.now())
    quick.postpone(timezone.now())

    assert waiting() == 0


def test_a_worker_renews_only_what_it_is_sending(issue):
    for _ in range(3):
        issue()
    mine, postponed, anothers = Notice.objects.order_by("pk")
    now = timezone.now()
    mine.claim("me", now)
    anothers.claim("another", now)
    postponed.claim("me", now)
    postponed.postpone(now)

    Notice.objects.renew("me", now + timedelta(hours=1))

    assert Notice.objects.free(now + timedelta(hours=1)).count() == 2


def test_after_a_database_outage_every_claim_is_trusted_for_a_while(issue, settings, monkeypatch):
    issue()
    monkeypatch.setattr(Claims, "renewed", nullcontext)  # it would renew without a pause
    Notice.objects.get().claim("another", timezone.now() - timedelta(hours=1))
    worker = Worker()
    worker._claims.database_was_away()

    assert worker.send_waiting(even_postponed=True) == 0
    settings.EMAIL_CLAIM_SECONDS = 0
    worker._claims.database_was_away()
    assert worker.send_waiting(even_postponed=True) == 1


def test_a_new_worker_trusts_every_claim_for_a_while(issue, settings, monkeypatch):
    issue()
    Notice.objects.get().claim("another", timezone.now() - timedelta(hours=1))
    monkeypatch.setattr(Claims, "renewed", nullcontext)  # it would renew without a pause
    monkeypatch.setattr(workers, "close_old_connections", lambda: None)

    def run():
        worker = Worker()
        monkeypatch.setattr(worker.stop, "wait", lambda _pause: worker.stop.set())
        worker.run()
        return waiting()

    assert run() == 1
    settings.EMAIL_CLAIM_SECONDS = 0
    assert run() == 0


def test_a_database_outage_after_sending_does_not_send_an_email_twice(issue, monkeypatch):
    issue()
    note_sent, failures = Notice.note_sent, [OperationalError("away")] * 3
    monkeypatch.setattr(workers.connection, "close", lambda: None)
    monkeypatch.setattr(workers, "POLL", 0)

    def flaky(notice, now):
        if failures:
            raise failures.pop()
        note_sent(notice, now)

    monkeypatch.setattr(Notice, "note_sent", flaky)

    Worker().send_waiting()
    Worker().send_waiting()

    assert len(mail.outbox) == 1


def test_a_stopped_worker_finishes_only_the_current_email(issue, monkeypatch):
    for _ in range(3):
        issue()
    worker = Worker()
    monkeypatch.setattr(workers, "close_old_connections", lambda: None)
    note_sent = Notice.note_sent
    monkeypatch.setattr(Notice, "note_sent", lambda one, now: (note_sent(one, now), worker.stop.set()))

    worker.run()

    assert (len(mail.outbox), waiting()) == (1, 2)


def test_the_worker_continues_after_a_database_outage(issue, monkeypatch):
    worker, pauses = Worker(), []
    outcomes = iter([OperationalError("away"), OperationalError("away"), MailServerDown(), None])
    monkeypatch.setattr(workers.connection, "close", lambda: None)

    def send():
        outcome = next(outcomes)
        if outcome:
            raise outcome

    def wait(pause):
        pauses.append(pause)
        if len(pauses) == 4:
            worker.stop.set()

    monkeypatch.setattr(workers, "close_old_connections", lambda: None)
    monkeypatch.setattr(worker, "send_waiting", send)
    monkeypatch.setattr(worker.stop, "wait", wait)

    worker.run()

    assert pauses == [2, 4, 8, 1]


def test_a_thousand_emails_are_sent_each_once(issue, owner):
    key, _raw = issue()
    now = timezone.now()
    Notice.objects.bulk_create(
        Notice(
            key=key,
            kind="ended_in_use",
            unique_for=f"x{n}",
            queued_at=now,
            due_at=now,
            facts={"at": now.isoformat(), "ip": "", "calls": n},
        )
        for n in range(1000)
    )

    assert Worker().send_waiting() == 1001
    assert len(mail.outbox) == 1001
    assert waiting() == 0


def test_the_metrics_show_how_many_emails_wait_and_how_long(issue, client, settings):
    settings.METRICS_TOKEN = "token"
    issue()
    Notice.objects.update(queued_at=timezone.now() - timedelta(hours=1))

    text = client.get("/metrics", HTTP_AUTHORIZATION="Bearer token").text

    assert "wizchat_email_queue_length 1.0" in text
    [age] = [line.split()[1] for line in text.splitlines() if line.startswith("wizchat_email_queue_age")]
    assert 3600 <= float(age) < 3700


def test_a_refused_email_is_counted_separately_and_raises_no_alarm(issue, client, settings):
    settings.METRICS_TOKEN = "token"
    for _ in range(2):
        issue()
    first = Notice.objects.order_by("pk").first()
    Notice.objects.filter(pk=first.pk).update(
        queued_at=timezone.now() - timedelta(hours=1), refusal="450 Mailbox full"
    )

    text = client.get("/metrics", HTTP_AUTHORIZATION="Bearer token").text

    assert "wizchat_email_queue_length 2.0" in text
    assert "wizchat_email_queue_refused 1.0" in text
    [age] = [line.split()[1] for line in text.splitlines() if line.startswith("wizchat_email_queue_age")]
    assert float(age) < 3600
