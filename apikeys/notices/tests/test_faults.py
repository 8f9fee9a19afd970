"""Failing mail servers, recipients and workers, with real processes, mail server and database.

docs/deployment.md has a table of the effects that are tested here.
"""

from __future__ import annotations

import re
import socket
from contextlib import closing
from itertools import count

import pytest

from testing.client import Person
from testing.mail import MailServer, Worker
from testing.programs import free_port, wait_until
from testing.server import Server

pytestmark = pytest.mark.slow

QUEUE = """
from django.contrib.auth.models import User
from django.utils import timezone
from apikeys.models import APIKey, Notice, Permission

now = timezone.now()
for name in {names}:
    user = User.objects.get(username=name)
    key, _raw = APIKey.objects.issue(
        owner=user, by=user, name="Key", permissions=Permission.READ, now=now
    )
    made = Notice.objects.get(key=key)
    Notice.objects.bulk_create(
        Notice(key=key, kind="ended_in_use", unique_for=f"x{{key.pk}}-{{n}}", queued_at=now, due_at=now,
               facts={{"at": now.isoformat(), "ip": "", "calls": n}})
        for n in range({more})
    )
"""
NUMBERS = count(1)
DELETE = "from django.contrib.auth.models import User; User.objects.get(username={!r}).delete()"
KEY_OF = "SELECT k.id FROM apikeys_apikey k JOIN auth_user u ON u.id = k.owner_id WHERE username = '{}'"
RENEWALS = 5
"""A claim is renewed four times in its length: after five, it would have run out."""


@pytest.fixture(scope="module")
def port():
    return free_port()


@pytest.fixture(scope="module")
def site(tmp_path_factory, port):
    """A server with a database, running only if a test starts it; its emails go to ``port``."""
    environ = {"DJANGO_SETTINGS_MODULE": "testing.quick_mail", "EMAIL_URL": f"smtp://127.0.0.1:{port}"}
    with closing(Server(tmp_path_factory.mktemp("mail"), **environ)) as server:
        yield server.prepare()


@pytest.fixture
def mail(site, port):
    """A mail server that tests start, and an empty queue."""
    site.execute("DELETE FROM apikeys_notice")
    mail = MailServer(port)
    yield mail
    mail.hanging.clear()
    mail.stop()


@pytest.fixture
def start(site):
    """Return a function that starts a worker with extra ``environ``."""
    workers = []

    def start(**environ):
        workers.append(Worker(site, next(NUMBERS), **environ))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()


@pytest.fixture
def queue(site):
    """Return a function that creates a key, and so queues an email, for each of ``people`` new members."""

    def queue(people=1, more=0):
        members = [site.new_member() for _ in range(people)]
        site.shell(QUEUE.format(names=[member.username for member in members], more=more))
        return members

    return queue


def address(member):
    return f"{member.username}@example.com"


def states(site):
    """Return (sent, dropped, attempts) of each notice, by the username of its owner."""
    rows = site.execute(
        "SELECT username, sent_at IS NOT NULL, dropped_at IS NOT NULL, attempts FROM apikeys_notice n "
        "JOIN apikeys_apikey k ON k.id = n.key_id JOIN auth_user u ON u.id = k.owner_id"
    )
    return {name: (bool(sent), bool(dropped), attempts) for name, sent, dropped, attempts in rows}


def waiting(site):
    query = "SELECT count(*) FROM apikeys_notice WHERE sent_at IS NULL AND dropped_at IS NULL"
    return site.execute(query)[0][0]


def claim(site, member):
    """Return when the claim of the email to ``member`` runs out."""
    query = f"SELECT claimed_until FROM apikeys_notice WHERE key_id = ({KEY_OF.format(member.username)})"
    return site.execute(query)[0][0]


def now_due(site):
    site.execute("UPDATE apikeys_notice SET due_at = '2026-01-01'")


def next_tries(worker):
    return [int(re.search(r"next try in (\d+) s", line)[1]) for line in worker.lines("accepts no emails")]


def test_while_the_mail_server_is_down_pauses_grow_and_nothing_is_lost(site, mail, queue, start):
    queue(3)
    worker = start()
    wait_until(lambda: len(next_tries(worker)) == 2, "two attempts")
    assert set(states(site).values()) == {(False, False, 0)}

    mail.start()
    wait_until(lambda: waiting(site) == 0, "the emails")

    assert next_tries(worker)[:2] == [2, 4]
    assert list(mail.times().values()) == [1] * 3
    assert worker.lines("Traceback") == []


def test_a_silent_mail_server_delays_no_page_and_emails_are_sent_when_it_answers(
    site, mail, port, queue, start
):
    member = site.new_member()
    site.start()
    try:
        with socket.create_server(("127.0.0.1", port)) as silent:
            # The kernel accepts connections, but nothing responds.
            silent.setblocking(False)
            form = {"name": "Key", "permissions": "read", "expires": "never"}
            page = Person(site.url, member.session).post("/settings/api/new/", **form)
            with pytest.raises(BlockingIOError):  # no client has connected
                silent.accept()
            worker = start(MAIL_SECONDS="2")
            wait_until(lambda: next_tries(worker), "an attempt")
    finally:
        site.stop()
    mail.start()
    wait_until(lambda: waiting(site) == 0, "the email")

    assert page.status == 200
    assert "Save your new key" in page.text
    assert [email.to for email in mail.received] == [address(member)]


@pytest.mark.parametrize("step", ["RCPT", "DATA"])
def test_an_email_at_which_the_mail_server_hangs_does_not_hold_up_the_rest(site, mail, queue, start, step):
    hung, *others = queue(4)
    mail.hanging[address(hung)] = step
    mail.start()
    worker = start(MAIL_SECONDS="2", MAIL_ACCEPT_SECONDS="5")
    wait_until(lambda: len(mail.received) == 3, "the other emails")

    assert {email.to for email in mail.received} == {address(member) for member in others}
    assert next_tries(worker)[0] == 2
    assert states(site)[hung.username][:2] == (False, False)
    wait_until(lambda: claim(site, hung) is None, "a pause before the next attempt")

    mail.hanging.clear()
    now_due(site)
    wait_until(lambda: waiting(site) == 0, "the last one")
    assert set(mail.times().values()) == {1}


def test_a_mail_server_may_take_longer_than_a_claim_and_no_other_worker_sends_that_email(
    site, mail, queue, start
):
    (member,) = queue()
    mail.hanging[address(member)] = "TAKEN"
    mail.start()
    workers = [start(), start()]
    wait_until(lambda: mail.held, "an email that was taken")
    ends = {claim(site, member)}
    wait_until(
        lambda: ends.add(claim(site, member)) or len(ends) > RENEWALS, "a claim that was renewed for so long"
    )

    mail.hanging.clear()
    wait_until(lambda: waiting(site) == 0, "the note that it was sent")

    assert list(mail.times().values()) == [1]
    assert [next_tries(worker) for worker in workers] == [[], []]


def test_refused_recipients_are_retried_and_then_given_up_while_the_others_get_theirs(
    site, mail, queue, start
):
    *refused, other = queue(5)
    no_user, full = "550 5.1.1 No such user", "450 4.2.2 Mailbox full"
    answers, attempts = [no_user, no_user, full, full], [1, 10, 10, 130]
    for member, answer, attempt in zip(refused, answers, attempts, strict=True):
        mail.refusals[address(member)] = answer
        attempted = f"UPDATE apikeys_notice SET attempts = {attempt - 1} WHERE key_id = "
        site.execute(f"{attempted}({KEY_OF.format(member.username)})")
    mail.start()
    worker = start()
    wait_until(lambda: mail.received and len(worker.lines("refused")) == 4, "an email and four refusals")
    wait_until(lambda: not site.execute("SELECT 1 FROM apikeys_notice WHERE attempts = 0"), "all attempts")

    assert [email.to for email in mail.received] == [address(other)]
    dropped = [False, True, False, True]
    expected = zip(refused, dropped, attempts, strict=True)
    assert {name: state for name, state in states(site).items() if name != other.username} == {
        member.username: (False, is_dropped, attempt) for member, is_dropped, attempt in expected
    }
    ends = [line.partition("mail server: ")[2].partition('"')[0] for line in worker.lines("refused")]
    assert sorted(ends) == ["450; attempt 10", "450; given up", "550; attempt 1", "550; given up"]
    assert next_tries(worker) == []


def test_a_worker_killed_before_the_mail_server_accepts_an_email_loses_nothing(site, mail, queue, start):
    (member,) = queue()
    mail.hanging[address(member)] = "DATA"
    mail.start()
    worker = start()
    wait_until(lambda: mail.held, "an email in the middle of sending")
    worker.kill()
    mail.hanging.clear()
    start()
    wait_until(lambda: waiting(site) == 0, "the email")

    assert [email.to for email in mail.received] == [address(member)]


def test_an_email_accepted_just_before_its_worker_is_killed_is_sent_again_with_the_same_id(
    site, mail, queue, start
):
    queue()
    worker, kills = start(), []
    mail.on_taken = lambda: kills or kills.append(worker.kill())
    mail.start()
    wait_until(lambda: kills, "the end of the worker")
    start()
    wait_until(lambda: waiting(site) == 0, "the note that it was sent")

    assert list(mail.times().values()) == [2]


def test_two_workers_send_a_thousand_emails_each_once(site, mail, queue, start):
    mail.start()
    workers = [start(), start()]
    queue(4, more=249)
    wait_until(lambda: waiting(site) == 0, "a thousand emails", within=240)

    assert len(mail.received) == 1000
    assert set(mail.times().values()) == {1}
    assert site.execute("SELECT count(DISTINCT claimed_by) FROM apikeys_notice") == [(2,)]
    assert [worker.stop() for worker in workers] == [0, 0]
    assert {worker.log.read_text() for worker in workers} == {"Sending emails.\n"}


def test_an_owner_without_address_or_account_gets_nothing_and_nothing_waits(site, mail, queue, start):
    without, closed, deleted, other = queue(4)
    site.execute(f"UPDATE auth_user SET email = '' WHERE username = '{without.username}'")
    site.execute(f"UPDATE auth_user SET is_active = false WHERE username = '{closed.username}'")
    site.shell(DELETE.format(deleted.username))
    mail.start()
    worker = start()
    wait_until(lambda: waiting(site) == 0, "the end of the queue")

    assert [email.to for email in mail.received] == [address(other)]
    assert states(site) == {
        without.username: (False, True, 1),
        closed.username: (False, True, 1),
        other.username: (True, False, 1),
    }
    assert worker.stop() == 0
    assert worker.log.read_text() == "Sending emails.\n"


def test_an_account_that_is_deleted_while_its_email_is_sent_leaves_nothing_behind(site, mail, queue, start):
    member, other = queue(2)
    mail.hanging[address(member)] = "RCPT"
    mail.start()
    worker = start()
    wait_until(lambda: mail.held, "an email in the middle of sending")
    site.shell(DELETE.format(member.username))
    mail.hanging.clear()
    wait_until(lambda: waiting(site) == 0, "the end of the queue")

    assert states(site) == {other.username: (True, False, 1)}
    assert worker.lines("Traceback") == []


def test_a_worker_that_is_asked_to_stop_finishes_its_email(site, mail, queue, start):
    first, *_others = queue(3)
    mail.hanging[address(first)] = "TAKEN"
    mail.start()
    worker = start()
    wait_until(lambda: mail.held, "an email in the middle of sending")
    worker.process.terminate()
    mail.hanging.clear()

    assert worker.stop() == 0
    assert states(site)[first.username] == (True, False, 1)
    assert waiting(site) == 3 - len(mail.received)
