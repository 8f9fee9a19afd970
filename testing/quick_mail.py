"""The project's settings with short claims for workers under test, and short timeouts on request."""

from __future__ import annotations

import os

from wizchat.settings import *

EMAIL_TIMEOUT = int(os.environ.get("MAIL_SECONDS", EMAIL_TIMEOUT))
EMAIL_ACCEPT_TIMEOUT = int(os.environ.get("MAIL_ACCEPT_SECONDS", EMAIL_ACCEPT_TIMEOUT))
EMAIL_CLAIM_SECONDS = 8
