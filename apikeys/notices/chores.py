"""The housekeeping of emails."""

from __future__ import annotations

from apikeys.notices.queue import queue_due
from wizchat.housekeeping import Chore

CHORES = [Chore(queue_due, "Queued {count:,} emails that are due.")]
