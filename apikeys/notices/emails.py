"""The text of the emails. Plain text, at most 78 columns wide, and never a secret."""

from __future__ import annotations

import textwrap
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse

from apikeys.core import keyformat
from apikeys.models import APIKey, KeyEvent, Notice

COLUMNS = 78
NAME_LENGTH = 40
"""The most characters of a key's name in a subject."""


def message(notice: Notice) -> EmailMessage:
    """Return the email for a notice whose key, owner and event are loaded."""
    context = facts(notice)
    subject = line(render_to_string(f"notices/{notice.kind}_subject.txt", context))
    body = wrapped(render_to_string(f"notices/{notice.kind}.txt", context))
    # The same for every attempt, so that mail clients show an email that was sent twice only once.
    message_id = (
        f"<notice-{notice.pk}.{notice.queued_at:%Y%m%d%H%M%S%f}@{urlsplit(settings.SITE_URL).hostname}>"
    )
    return EmailMessage(
        f"[WizChat] {subject}",
        body,
        settings.DEFAULT_FROM_EMAIL,
        [notice.key.owner.email],
        headers={"Message-ID": message_id},
    )


def facts(notice: Notice) -> dict[str, Any]:
    key, event = notice.key, notice.event
    name = line(keyformat.redact(key.name))
    times = {
        field: datetime.fromisoformat(notice.facts[field])
        for field in ("at", "expires_at")
        if field in notice.facts
    }
    return {
        **notice.facts,
        **times,
        "key": key,
        "name": name,
        "short_name": name if len(name) <= NAME_LENGTH else f"{name[: NAME_LENGTH - 1]}…",
        "masked": key.masked,
        "event": event,
        "by": actor(event, key) if event else "",
        "changes": changes(event) if event else [],
        "is_revoked": key.revoked_at is not None,
        "where": line(event.detail) if event else "",
        "link": settings.SITE_URL + reverse("apikeys:detail", args=[key.key_id]),
        "choices_link": settings.SITE_URL + reverse("notices:settings"),
    }


def actor(event: KeyEvent, key: APIKey) -> str:
    match event.actor_kind:
        case KeyEvent.Actor.USER:
            return f"you ({line(event.actor_name or key.owner.get_username())})"
        case KeyEvent.Actor.KEY:
            return f"the API key {keyformat.masked(event.actor_key_id)}"
        case KeyEvent.Actor.OPERATOR:
            return f"an operator ({line(event.actor_name)})" if event.actor_name else "an operator"
    return "someone who isn't signed in"


def changes(event: KeyEvent) -> list[tuple[str, str, str]]:
    """Return what was widened: the field, its old and its new value."""
    shown = {"permissions": ("Permissions", "none"), "allowed_networks": ("Allowed IP addresses", "any")}
    return [
        (label, ", ".join(before) or empty, ", ".join(after) or empty)
        for field, (label, empty) in shown.items()
        if field in event.changes
        for before, after in [event.changes[field]]
    ]


def line(text: str) -> str:
    """Return ``text`` on one line, without control or bidirectional characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def wrapped(text: str) -> str:
    """Return ``text`` at most ``COLUMNS`` wide; a link is never broken."""
    lines: list[str] = []
    for one in text.strip().splitlines():
        is_link = one.startswith(settings.SITE_URL)
        lines += [one] if is_link or not one.strip() else textwrap.wrap(one, COLUMNS, break_on_hyphens=False)
    return "\n".join(lines) + "\n"
