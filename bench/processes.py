"""Throughput of one process and of two, on PostgreSQL and Redis."""

from __future__ import annotations

from collections import defaultdict
from contextlib import ExitStack
from statistics import median

from bench.report import Section, spread, table, tell
from bench.requests import PROJECTS
from bench.services import Services
from bench.workers import Server, Worker, per_second, percentile, stream

CONNECTIONS = 16
COLUMNS = {"requests/s": 0, "p50": 1, "p99": 1}


def measure(services: Services) -> list[Section]:
    tell("one process and two")
    rounds, seconds = (2, 0.5) if services.quick else (10, 3.0)
    found: defaultdict[tuple[int, str], list[float]] = defaultdict(list)
    with ExitStack() as stack:
        environ = PROJECTS["wizchat"] | {"CACHE_URL": services.redis}
        worker = stack.enter_context(
            Worker("bench.measured.caller", services.database(services.shared), **environ)
        )
        good, _ = worker.ask("fill")["headers"]["wizchat"]
        servers = {
            processes: stack.enter_context(Server(worker.environ | {"WEB_CONCURRENCY": str(processes)}))
            for processes in (1, 2)
        }
        for number in range(rounds + 1):
            for processes, server in servers.items():
                (answers,) = server.load(seconds, stream("/v1/chatbots", good, connections=CONNECTIONS))
                assert {answer.status for answer in answers} == {200}
                if number:  # the first round warms up
                    found[processes, "requests/s"].append(per_second(answers, seconds))
                    found[processes, "p50"].append(percentile(answers, 0.50))
                    found[processes, "p99"].append(percentile(answers, 0.99))
    rows = [
        [str(processes), *(spread(found[processes, name], digits=digits) for name, digits in COLUMNS.items())]
        for processes in servers
    ]
    text = table(["processes", "requests/s", "p50 in ms", "p99 in ms"], rows)
    figures = {"requests/s": median(found[1, "requests/s"])}
    return [Section("Many processes", f"{EXPLANATION}\n\n{text}", figures=figures)]


EXPLANATION = (
    f"`GET /v1/chatbots` with 50 rows on PostgreSQL and Redis, {CONNECTIONS} keep-alive connections, one "
    "gunicorn with 1 or 2 processes of 8 threads. PostgreSQL, Redis and the clients run on the same cores, "
    "so this shows what the processes can do with the CPU time that is left."
)
