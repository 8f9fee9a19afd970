"""Run the tests on PostgreSQL and Redis, started for them alone: ``python -m scripts.services [ARGS]``."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing

from testing.services import Missing, Postgres, Redis

# An empty -m lifts the filter of pytest.ini: the tests that start services of their own run, too.
SUITE = ["-n", "auto", "--dist", "loadgroup", "-m", ""]


def main() -> int:
    try:
        postgres, cache = Postgres(), Redis()
    except Missing as missing:
        sys.exit(str(missing))
    with closing(postgres), closing(cache):
        environ = {
            **os.environ,
            "DATABASE_URL": postgres.start().url,
            "CACHE_URL": cache.start().url,
            "THROWAWAY_SERVICES": "yes",  # so that each server of a test may have its own part of them
        }
        command = [sys.executable, "-m", "pytest", *(sys.argv[1:] or SUITE)]
        return subprocess.run(command, env=environ, check=False).returncode  # noqa: S603  # our own words


if __name__ == "__main__":
    sys.exit(main())
