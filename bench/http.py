"""``GET /v1/chatbots`` with 50 rows over HTTP, next to a stock DRF project on the same server."""

from __future__ import annotations

from collections import defaultdict
from contextlib import ExitStack
from statistics import median

from bench.report import Section, Target, spread, table, tell
from bench.requests import PROJECTS
from bench.services import Services
from bench.workers import Server, Worker, per_second, percentile, stream

PATH = "/v1/chatbots"
CONNECTIONS = 50
ROWS = {
    "wizchat, requests/s": "**WizChat**, requests/s",
    "wizchat, p95": "… p95 in ms",
    "drf, requests/s": "**DRF**, requests/s",
    "drf, p95": "… p95 in ms",
    "quiet, p95": "WizChat, one connection with a valid key, p95 in ms",
    "forged, p95": "… while 50 others send wrong secrets",
    "good, p95": "… while 50 others send valid keys",
}
Found = defaultdict[str, list[float]]


def measure(services: Services) -> list[Section]:
    found = {system: _measure_on(services, system) for system in services.databases}
    targets = []
    for system, of_system in found.items():
        pairs = zip(of_system["wizchat, requests/s"], of_system["drf, requests/s"], strict=True)
        ratio = median(ours / theirs for ours, theirs in pairs)
        targets.append(Target("requests/s of `GET /v1/chatbots` ÷ DRF", system, ratio, "≥", 2.5))
    rows = [
        [label, *(spread(of_system[name], digits=1) for of_system in found.values())]
        for name, label in ROWS.items()
    ]
    return [Section("Over HTTP", f"{EXPLANATION}\n\n{table(['', *found], rows)}", targets)]


def _measure_on(services: Services, system: str) -> Found:
    tell(f"{system}: asking the servers")
    rounds, seconds = (2, 0.5) if services.quick else (20, 1.0)
    found: Found = defaultdict(list)
    url = services.database(system)
    with ExitStack() as stack:
        workers = {
            project: stack.enter_context(Worker("bench.measured.caller", url, **PROJECTS[project]))
            for project in ("wizchat", "drf")
        }
        headers = workers["wizchat"].ask("fill")["headers"]
        servers = {
            project: stack.enter_context(Server(worker.environ)) for project, worker in workers.items()
        }
        for number in range(rounds + 1):
            for project, server in servers.items():
                (answers,) = server.load(seconds, stream(PATH, headers[project][0], connections=CONNECTIONS))
                assert {answer.status for answer in answers} == {200}
                if number:  # the first round warms up
                    found[f"{project}, requests/s"].append(per_second(answers, seconds))
                    found[f"{project}, p95"].append(percentile(answers, 0.95))
        good, forged = headers["wizchat"]
        for _ in range(max(2, rounds // 5)):
            for name, noise in (("quiet", None), ("forged", forged), ("good", good)):
                others = [stream(PATH, noise, connections=CONNECTIONS)] if noise else []
                latencies, *_ = servers["wizchat"].load(
                    2 * seconds, stream(PATH, good, connections=1), *others
                )
                found[f"{name}, p95"].append(percentile(latencies, 0.95))
    return found


EXPLANATION = (
    f"{CONNECTIONS} keep-alive connections request a page of 50 rows, each as soon as the previous response "
    "has arrived. WizChat and the stock DRF project of “Whole requests” take turns, each behind one "
    "gunicorn process with 8 threads, started as `make run` does. The clients run on the same cores. "
    "Medians of the turns (quartiles)."
)
