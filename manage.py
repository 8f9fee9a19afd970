#!/usr/bin/env python
"""Django's command line for WizChat."""

from __future__ import annotations

import os
import signal
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import InterfaceError, OperationalError, ProgrammingError


def main() -> None:
    """Run a command; explain in one sentence any failure that an operator can fix."""
    try:
        run()
    except ImproperlyConfigured as error:
        sys.exit(f"Configuration error: {error}")
    except (InterfaceError, OperationalError, ProgrammingError) as error:
        if lacks_tables():
            sys.exit("Tables are missing or out of date. Run: python manage.py migrate")
        if isinstance(error, ProgrammingError):
            raise
        sys.exit(f"The database isn't responding: {error}")


def run() -> None:
    """Run a command. Like any filter, end quietly if the reader of its output is gone ("… | head")."""
    try:
        try:
            execute_from_command_line(sys.argv)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes once more at the end, which must not fail again.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(nowhere, stream.fileno())
        sys.exit(128 + signal.SIGPIPE)


def lacks_tables() -> bool:
    """Return whether the database responds but lacks migrations."""
    from wizchat.observability.health import missing_migrations  # it needs the settings

    if sys.argv[1:2] == ["migrate"]:
        return False
    try:
        return bool(missing_migrations())
    except (InterfaceError, OperationalError):
        return False


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wizchat.settings")
    # The limit is for requests: a migration of a large table may take any time.
    os.environ.setdefault("DATABASE_TIMEOUT", "0")
    main()
