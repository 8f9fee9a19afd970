"""How gunicorn serves WizChat. Measured: docs/decisions/0003-server.md."""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import Any

from prometheus_client.multiprocess import mark_process_dead

_host = os.environ.get("HOST", "127.0.0.1")

wsgi_app = "wizchat.wsgi:application"
bind = f"{f'[{_host}]' if ':' in _host else _host}:{os.environ.get('PORT', '8000')}"

# One process keeps the in-process cache exact; more want CACHE_URL to name a shared one.
workers = int(os.environ.get("WEB_CONCURRENCY", "1"))
worker_class = "wizchat.server.Worker"
threads = int(os.environ.get("WEB_THREADS", "8"))
keepalive = 75  # seconds: longer than a proxy keeps its side open
timeout = 60  # seconds until a worker that hangs is replaced
graceful_timeout = 30  # seconds for running requests to end after SIGTERM
backlog = 1024

# Django hears the peer's address and X-Forwarded-… as they came; TRUSTED_PROXIES judges them.
forwarded_allow_ips = ""
proxy_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""
header_map = "drop"  # X_Forwarded_For would pass for X-Forwarded-For

# An Authorization header of 64 KB is answered by the API, not by the server.
limit_request_field_size = 128 * 1024
limit_request_fields = 100
limit_request_line = 8190

logger_class = "wizchat.server.Logger"
accesslog = "-"
control_socket_disable = True

# Each worker writes its numbers here, so that any of them can answer for all.
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="wizchat-metrics-")


def child_exit(server: object, worker: Any) -> None:
    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # prometheus_client's


def on_exit(server: object) -> None:
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
