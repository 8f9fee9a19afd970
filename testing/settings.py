"""The settings under test: the project's own, independent of the tester's ``.env`` and shell.

Only `DATABASE_URL`, `DATABASE_POOLER` and `CACHE_URL` are read from it, so that the suite runs on real
services too.
"""

from __future__ import annotations

import os

FIXED = {
    "SECRET_KEY": "for-tests-only-" + "0123456789" * 4,
    "DEBUG": "off",
    "ALLOWED_HOSTS": "testserver,localhost,127.0.0.1",
    "EMAIL_URL": "memorymail://",
    "TRUSTED_PROXIES": "",
    "SIGNUP_OPEN": "off",
    "AUTH_FAILURES_PER_MINUTE": "100",
    "HTTPS_ONLY": "off",
    "METRICS_TOKEN": "",
    "DEMO_PASSWORD": "",
    **dict.fromkeys(
        (
            "DEFAULT_FROM_EMAIL",
            "GITHUB_KEYS_URL",
            "LEAK_ACTION",
            "RATE_LIMIT",
            "REAUTHENTICATION_TIMEOUT",
            "SITE_URL",
        ),
        "",  # the default
    ),
}
DEFAULTS = {
    "DATABASE_URL": "sqlite:///var/tests.sqlite3",
    "DATABASE_POOLER": "none",
    "CACHE_URL": "locmemcache://",
}

os.environ.update(FIXED)
for name, value in DEFAULTS.items():
    os.environ.setdefault(name, value)

from wizchat.settings import *  # after its environment is set

# A file, as in production: threads of one test then contend for it as processes would.
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["TEST"] = {"NAME": BASE_DIR / "var" / "tests.sqlite3"}
for cache in CACHES.values():
    if cache["LOCATION"].startswith("redis://"):
        # Parallel workers empty their cache: each has a database of its own.
        worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
        cache["LOCATION"] = f"{cache['LOCATION'].rpartition('/')[0]}/{worker}"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise warns of a folder that is not there
USAGE_FLUSH_SECONDS = 0  # no thread writes behind a test's back: `usage.flush()` does, where one looks
EMAIL_IN_BACKGROUND = False  # a test finds the email that it caused
