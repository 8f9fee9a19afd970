"""Emails are sent by a thread: no request waits for a mail server."""

from __future__ import annotations

import threading

from wizchat.accounts import outbox


def test_a_job_runs_in_another_thread(settings):
    settings.EMAIL_IN_BACKGROUND = True
    ran_in, done = [], threading.Event()

    outbox.later(lambda: (ran_in.append(threading.current_thread()), done.set()))

    assert done.wait(60)
    assert ran_in != [threading.current_thread()]


def test_a_job_that_fails_is_logged_and_the_next_one_runs(settings, caplog):
    settings.EMAIL_IN_BACKGROUND = True
    done = threading.Event()

    outbox.later(lambda: 1 / 0)
    outbox.later(done.set)

    assert done.wait(60)
    assert "an email was not sent" in caplog.text
