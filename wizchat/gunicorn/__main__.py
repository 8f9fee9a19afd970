"""``python -m wizchat.gunicorn``: gunicorn, after checks that it wouldn't explain itself.

Gunicorn reads WEB_CONCURRENCY when it is imported, before gunicorn.conf.py can explain what is wrong with it,
and its workers would report each other variable with a traceback.
"""

from __future__ import annotations

import sys
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from wizchat.environment import Environment


def main() -> None:
    try:
        Environment(Path(__file__).resolve().parents[2]).number("WEB_CONCURRENCY", default=1, least=1)
        import wizchat.settings  # noqa: F401  # reads the variables
    except ImproperlyConfigured as error:
        sys.exit(f"Configuration error: {error}")

    from gunicorn.app.wsgiapp import run

    run("gunicorn")


if __name__ == "__main__":
    main()
