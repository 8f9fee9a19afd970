"""How gunicorn serves WizChat; docs/decisions/0003-server.md has measurements."""

from __future__ import annotations

import os
import resource
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from wizchat.environment import Environment
from wizchat.gunicorn.arrival import LINE_BYTES

env = Environment(Path(__file__).resolve().parent)
try:
    host, port = env.text("HOST", default="127.0.0.1"), env.number("PORT", default=8000, least=0, most=65_535)
    # With more than one process, set CACHE_URL: the in-process cache counts only for its own process.
    workers = env.number("WEB_CONCURRENCY", default=1, least=1)
    threads = env.number("WEB_THREADS", default=8, least=1)
except ImproperlyConfigured as error:
    sys.exit(f"Configuration error: {error}")

wsgi_app = "wizchat.wsgi:application"
bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
worker_class = "wizchat.gunicorn.worker.Worker"
keepalive = 75  # seconds: longer than a proxy keeps its side open
timeout = 60  # seconds until a hanging worker is replaced
graceful_timeout = 30  # seconds for running requests to end after SIGTERM
backlog = 1024
sendfile = False  # it would block a thread until the client reads

# As many connections as the open-file limit allows, up to 1,000, with some left for databases and files.
worker_connections = max(32, min(1000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 128))

# Django gets the peer's address and X-Forwarded-… unchanged; TRUSTED_PROXIES decides what to trust.
forwarded_allow_ips = ""
proxy_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""
header_map = "drop"  # otherwise X_Forwarded_For could pass for X-Forwarded-For

# High enough that the API, not the server, responds to an Authorization header of 64 KB. HEAD_BYTES in
# wizchat/gunicorn/arrival.py limits all headers together.
limit_request_field_size = 128 * 1024
limit_request_fields = 100
limit_request_line = LINE_BYTES

logger_class = "wizchat.gunicorn.logger.Logger"
control_socket_disable = True

# Workers write their metrics here, so that any of them can report for all. prometheus_client reads this
# variable when it is imported, so nothing may import it earlier.
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="wizchat-metrics-")


def child_exit(server: object, worker: Any) -> None:
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # prometheus_client's


def on_exit(server: object) -> None:
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
