"""The settings for tests: the project's own, independent of the tester's ``.env`` and shell.

Only `DATABASE_URL`, `DATABASE_POOLER` and `CACHE_URL` come from the shell, so that the suite can run on
real services, too.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

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

# A file, as in production, so that threads of a test contend for it as processes would.
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["TEST"] = {"NAME": BASE_DIR / "var" / "tests.sqlite3"}
for cache in CACHES.values():
    if cache["LOCATION"].startswith("redis://"):
        # Each parallel worker has its own Redis database, because tests clear the cache.
        worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
        cache["LOCATION"] = urlsplit(cache["LOCATION"])._replace(path=f"/{worker}").geturl()
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise warns if the folder is missing
USAGE_FLUSH_SECONDS = 0  # no thread writes usage: tests that need it call `usage.flush()`
EMAIL_IN_BACKGROUND = False  # so that a test finds the emails that it causes
