"""The project's settings for a worker whose mail server has seconds where it has minutes."""

from __future__ import annotations

from wizchat.settings import *

EMAIL_TIMEOUT = 2
EMAIL_ACCEPT_TIMEOUT = 8
EMAIL_CLAIM_SECONDS = 5
