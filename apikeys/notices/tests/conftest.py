from __future__ import annotations

import pytest
from django.core import mail
from django.utils import timezone

from apikeys.models import KeyUsage, Notice
from apikeys.notices.worker import Worker


@pytest.fixture
def subjects():
    """Send what is queued and return the subjects and recipients of what was sent."""

    def send():
        mail.outbox.clear()
        Worker().send_waiting(even_postponed=True)
        return [message.subject.removeprefix("[WizChat] ") for message in mail.outbox]

    return send


@pytest.fixture
def quiet():
    """Forget what is queued so far."""
    return lambda: Notice.objects.all().delete()


@pytest.fixture
def use():
    def used(key, outcome="address", at=None, address="203.0.113.9", count=3):
        at = at or timezone.now()
        hour = at.replace(minute=0, second=0, microsecond=0)
        KeyUsage.objects.update_or_create(
            key=key,
            hour=hour,
            outcome=outcome,
            address=address,
            defaults={"count": count, "last_at": at},
        )

    return used
