"""The database fails while the worker sends emails."""

from __future__ import annotations

from itertools import count

import pytest

from testing import quick_mail
from testing.mail import MailServer, Worker
from testing.programs import free_port, wait_until

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("faults")]

NUMBERS = count(1)


@pytest.fixture(scope="module")
def port():
    return free_port()


@pytest.fixture(scope="module")
def site(serve, port):
    return serve(
        WEB_CONCURRENCY="1",
        DATABASE_TIMEOUT="0",  # as `manage.py` sets it: commands wait for the database
        DJANGO_SETTINGS_MODULE="testing.quick_mail",
        EMAIL_URL=f"smtp://127.0.0.1:{port}",
    )


@pytest.fixture
def mail(postgres, port):
    """A mail server that runs, and an empty queue."""
    with postgres.connect() as connection:
        connection.execute("DELETE FROM apikeys_notice")
    mail = MailServer(port)
    mail.start()
    yield mail
    mail.hanging.clear()
    mail.stop()


@pytest.fixture
def start(site):
    """Return a function that starts a worker."""
    workers = []

    def start():
        workers.append(Worker(site, next(NUMBERS)))
        wait_until(lambda: workers[-1].lines("Sending emails."), "a worker")
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()


def unsent(postgres):
    with postgres.connect() as connection:
        (number,) = connection.execute("SELECT count(*) FROM apikeys_notice WHERE sent_at IS NULL").fetchone()
    return number


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_the_worker_continues_once_the_database_is_back_and_logs_each_attempt(
    site, postgres, mail, member, start, stopped, mode
):
    worker = start()
    run_again = stopped(mode)
    wait_until(lambda: len(worker.lines("next try in")) == 3, "three attempts")
    run_again()
    site.issue(member)
    wait_until(lambda: unsent(postgres) == 0, "the email")

    assert list(mail.times().values()) == [1]
    lines = worker.log.read_text().splitlines()
    assert [line for line in lines if "Traceback" in line] == []
    assert len(lines) == 1 + len(worker.lines("the email queue can't be read"))
    assert worker.stop() == 0


def test_emails_sent_during_a_database_outage_are_recorded_and_not_sent_again(
    site, postgres, mail, member, start, stopped
):
    to = f"{member.username}@example.com"
    mail.hanging[to] = "TAKEN"
    sender = start()
    site.issue(member)
    wait_until(lambda: mail.held, "an email that was taken")
    other = start()
    run_again = stopped("fast")
    mail.hanging.clear()
    # Wait until the claim has run out. Count lines of the log, because the database is down.
    wait_until(
        lambda: len(sender.lines("can't be stored yet")) > quick_mail.EMAIL_CLAIM_SECONDS,
        "longer than the claim",
    )
    run_again()
    wait_until(lambda: unsent(postgres) == 0, "the note that it was sent")

    assert list(mail.times().values()) == [1]
    assert sender.lines("Traceback") + other.lines("Traceback") == []
    assert [sender.stop(), other.stop()] == [0, 0]


def test_a_frozen_database_blocks_the_worker_but_nothing_is_sent_twice(site, postgres, mail, member, start):
    to = f"{member.username}@example.com"
    mail.hanging[to] = "TAKEN"
    worker = start()
    site.issue(member)
    wait_until(lambda: mail.held, "an email that was taken")
    with postgres.frozen():
        mail.hanging.clear()
        wait_until(lambda: not mail.held, "the mail server's answer")
    wait_until(lambda: unsent(postgres) == 0, "the note that it was sent")

    assert list(mail.times().values()) == [1]
    assert worker.stop() == 0
