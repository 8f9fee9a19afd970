"""Run the tests on a PostgreSQL and a Redis started for them: ``python -m scripts.services [ARGS]``.

Through PgBouncer, as in production with ``DATABASE_POOLER=transaction``; ``--direct`` leaves it out. Tests
of what only a direct connection has (prepared statements, the server's own timeouts, its failures) start
their own PostgreSQL in either case.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack, closing

from testing.programs import Missing, logs
from testing.proxies import PgBouncer
from testing.services import Postgres, Redis

# An empty -m lifts the filter of pytest.ini, so the tests that start their own services run too.
SUITE = ["-n", "auto", "--dist", "loadgroup", "-m", ""]


def main() -> int:
    arguments = sys.argv[1:]
    is_direct = "--direct" in arguments
    arguments = [word for word in arguments if word != "--direct"]
    with ExitStack() as stack:
        try:
            postgres, cache = stack.enter_context(closing(Postgres())), stack.enter_context(closing(Redis()))
            postgres.start()
            cache.start()
            environ = {"DATABASE_URL": postgres.url, "DATABASE_POOLER": "none"}
            environ["CACHE_URL"] = cache.patient_url
            if not is_direct:
                # Each test server has its own database and so its own pool, so drop idle connections early.
                pooler = PgBouncer(postgres, server_idle_timeout="5")
                stack.enter_context(closing(pooler)).start()
                environ |= {"DATABASE_URL": pooler.url, "DATABASE_POOLER": "transaction"}
        except Missing as missing:
            sys.exit(str(missing))
        # Each test server may take its own part of these services.
        throwaway = {"THROWAWAY_SERVICES": "yes", "THROWAWAY_LOGS": json.dumps(logs, default=str)}
        # Keep the databases, because a pooler still holds connections to them; they go with their server.
        command = [sys.executable, "-m", "pytest", "--reuse-db", *(arguments or SUITE)]
        run = subprocess.run(command, env=os.environ | environ | throwaway, check=False)  # noqa: S603  # our own words
        return run.returncode


if __name__ == "__main__":
    sys.exit(main())
