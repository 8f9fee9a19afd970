"""Four processes restart one after the other under load, with 10,000 keys in use."""

from __future__ import annotations

import os
import random
import re
import signal
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from bench.report import Section, Target, table, tell
from bench.requests import PROJECTS
from bench.services import Services
from bench.workers import Answer, Server, Worker, percentile, stream
from testing.services import children, wait_until

PROCESSES = 4
CONNECTIONS, PER_CONNECTION = 32, 20
LONGEST = 600.0  # seconds
METRICS_TOKEN = "for-benchmarks-only"
ARGON2_RUNS = re.compile(r"^wizchat_key_argon2_seconds_count(?:\{.*\})? (\S+)$", re.MULTILINE)


class Plan(NamedTuple):
    keys: int
    rate: int  # requests a second
    before: float  # seconds until the first process restarts
    after: float  # seconds after the last process has restarted


class Phase(NamedTuple):
    name: str
    answers: list[Answer]
    argon2_runs: int

    def cells(self) -> list[str]:
        errors = sum(answer.status != 200 for answer in self.answers)
        latencies = [f"{percentile(self.answers, share):,.1f}" for share in (0.5, 0.99, 1)]
        return [self.name, f"{len(self.answers):,}", *latencies, str(errors), f"{self.argon2_runs:,}"]


def measure(services: Services) -> list[Section]:
    plan = Plan(50, 60, 2, 2) if services.quick else Plan(10_000, 100, 15, 30)
    tell(f"{PROCESSES} processes restart, {plan.keys:,} keys")
    phases = _restart(services, plan)
    head = ["", "requests", "p50 in ms", "p99 in ms", "longest in ms", "errors", "Argon2 computations"]
    text = table(head, (phase.cells() for phase in phases))
    errors = sum(answer.status != 200 for phase in phases for answer in phase.answers)
    return [
        Section(
            "A restart under load",
            f"{EXPLANATION.format(keys=plan.keys, rate=plan.rate)}\n\n{text}",
            [Target("errors while processes restart", "PostgreSQL, Redis", errors, "≤", 0)],
        )
    ]


def _restart(services: Services, plan: Plan) -> list[Phase]:
    verified = services.folder / "verified.json"
    environ = PROJECTS["wizchat"] | {
        "CACHE_URL": services.redis,
        "METRICS_TOKEN": METRICS_TOKEN,
        "BENCH_VERIFIED": str(verified),
        "WEB_CONCURRENCY": str(PROCESSES),
    }
    url = services.database(services.shared)
    with ExitStack() as stack:
        with Worker("bench.measured.caller", url, **environ) as filler:
            filler.ask("fill")
        with Worker("bench.measured.keys", url, **environ) as issuer:
            raws = issuer.ask("issue", plan.keys, "requests", str(verified))
        random.Random(0).shuffle(raws)
        server = stack.enter_context(Server(issuer.environ, application="bench.measured.warm:application"))
        in_use = stream(
            "/v1/chatbots", *(f"Bearer {raw}" for raw in raws), connections=CONNECTIONS, rate=plan.rate,
            per_connection=PER_CONNECTION,
        )  # fmt: skip
        wait_until(lambda: server.load(1, in_use) and _all_serve(server), "the start")
        verified.unlink()
        runs = [_argon2_runs(server)]
        with server.under_load(LONGEST, in_use) as answers:
            started_at = time.perf_counter()
            time.sleep(plan.before)
            runs.append(_argon2_runs(server))
            for pid in children(server.process.pid):
                _replace(server, pid)
            restarted_at = time.perf_counter() - started_at
            runs.append(_argon2_runs(server))
            time.sleep(plan.after)
        runs.append(_argon2_runs(server))
    ends = [plan.before, restarted_at, float("inf")]
    phases = []
    begins_at = 0.0
    for number, (name, ends_at) in enumerate(zip(["before", "during", "after"], ends, strict=True)):
        in_phase = [answer for answer in answers[0] if begins_at <= answer.at < ends_at]
        phases.append(Phase(name, in_phase, runs[number + 1] - runs[number]))
        begins_at = ends_at
    return phases


def _replace(server: Server, pid: int) -> None:
    """End a process, and wait until its replacement serves requests."""
    others = set(children(server.process.pid))
    os.kill(pid, signal.SIGTERM)
    wait_until(
        lambda: any(_serves(new) for new in set(children(server.process.pid)) - others), "the replacement"
    )


def _all_serve(server: Server) -> bool:
    serving = [_serves(pid) for pid in children(server.process.pid)]
    return len(serving) == PROCESSES and all(serving)


def _serves(pid: int) -> bool:
    """Return whether a gunicorn process is serving: it starts a thread with its first request."""
    try:
        return len(list(Path(f"/proc/{pid}/task").iterdir())) > 1
    except FileNotFoundError:
        return False


def _argon2_runs(server: Server) -> int:
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        found = ARGON2_RUNS.search(answer.read().decode())
    return int(float(found[1])) if found else 0


EXPLANATION = (
    "One gunicorn with four processes on PostgreSQL and Redis. {keys:,} keys, hashed at production's Argon2 "
    "cost and verified by every process, are used in turn for `GET /v1/chatbots` with 50 rows. Clients send "
    "{rate} requests a second, however slow the responses are, and open a new connection after every 20 "
    "requests. Each process gets SIGTERM once the one before it has been replaced and its replacement "
    "serves requests. Latency is measured from the moment a request is due. PostgreSQL, Redis, the clients "
    "and all processes share the cores."
)
