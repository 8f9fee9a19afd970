#!/usr/bin/env python
"""Django's command line for WizChat."""

from __future__ import annotations

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import OperationalError

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wizchat.settings")
    # A migration of a large table takes the time it takes; the limit is for requests.
    os.environ.setdefault("DATABASE_TIMEOUT", "0")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Not configured: {error}")
    except OperationalError as error:
        sys.exit(f"The database isn't responding: {error}")
