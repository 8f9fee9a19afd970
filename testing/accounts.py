"""Users who signed in a while ago, and the codes of their authenticator apps."""

from __future__ import annotations

import time

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY as RECORDS
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.conf import settings
from django.test import Client


def sign_in_long_ago(user, client=None):
    """Return a client that has to reauthenticate, unlike one after ``force_login`` alone."""
    client = client or Client()
    client.force_login(user)
    session = client.session
    for record in session[RECORDS]:
        record["at"] -= settings.ACCOUNT_REAUTHENTICATION_TIMEOUT + 1
    session[RECORDS] = list(session[RECORDS])
    session.save()
    return client


def code_for(secret, counter=None):
    """Return the code that an app with ``secret`` shows in the period ``counter``, or now."""
    return format_hotp_value(hotp_value(secret, int(time.time() // 30) if counter is None else counter))
