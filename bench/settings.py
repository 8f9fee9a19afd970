"""The project's own settings, with the peers installed as well."""

from __future__ import annotations

import os

from wizchat.settings import *
from wizchat.settings import API_KEY_ARGON2, INSTALLED_APPS, STATIC_ROOT

INSTALLED_APPS = [
    *INSTALLED_APPS,
    "rest_framework.authtoken",
    "knox",
    "rest_framework_api_key",
    "bench.peers",
]
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise warns if the folder is missing
if "BENCH_CHEAP_ARGON2" in os.environ:  # to warm thousands of keys in seconds
    API_KEY_ARGON2 = {"memory_cost": 8, "time_cost": 1, "parallelism": 1}
