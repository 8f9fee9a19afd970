"""The CPU time of whole requests to WizChat, compared with the same ones to DRF and django-ninja.

The three projects read the same tables. A process each calls their WSGI applications in turn, through
all of their middleware.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from statistics import median
from typing import NamedTuple

from bench.report import Section, Target, table, tell
from bench.services import Services
from bench.workers import Worker

PROJECTS = {
    "wizchat": {"DJANGO_SETTINGS_MODULE": "bench.settings"},
    "drf": {"DJANGO_SETTINGS_MODULE": "bench.peers.settings", "BENCH_PEER": "drf"},
    "ninja": {"DJANGO_SETTINGS_MODULE": "bench.peers.settings", "BENCH_PEER": "django_ninja"},
}
PEERS = {"drf": "DRF", "ninja": "django-ninja"}
# Count failed attempts, but answer any number of them with 401.
UNLIMITED = {"AUTH_FAILURES_PER_MINUTE": "999999999"}


class Line(NamedTuple):
    """A row of the table; the targets are shares of the peers' time, by database."""

    name: str
    method: str
    path: str
    status: int
    of_drf: dict[str, float]
    of_ninja: dict[str, float]
    body: str = ""
    is_forged: bool = False


def _by_database(sqlite: float, postgresql: float) -> dict[str, float]:
    return {"SQLite": sqlite, "PostgreSQL": postgresql}


MESSAGE = json.dumps({"message": "Hi, how can I change my pasword from abroad?"})
LINES = [
    Line("list of 50 chatbots", "GET", "", 200, _by_database(0.30, 0.40), _by_database(0.35, 0.45)),
    Line("one chatbot", "GET", "/{listed}", 200, _by_database(0.40, 0.45), _by_database(0.40, 0.45)),
    Line("50 queries of a chatbot", "GET", "/{listed}/queries", 200,
         _by_database(0.35, 0.45), _by_database(0.40, 0.50)),
    Line("a message, 100 FAQ entries", "POST", "/{asked}/messages", 201,
         _by_database(0.85, 0.90), _by_database(0.95, 1.00), body=MESSAGE),
    Line("401 for a wrong secret", "GET", "", 401,
         _by_database(0.50, 0.55), _by_database(0.50, 0.55), is_forged=True),
]  # fmt: skip

Costs = dict[str, list[list[float]]]
"""By project and round: seconds of the process, and of the database's."""


def measure(services: Services) -> list[Section]:
    rounds, times = (2, 2) if services.quick else (40, 10)
    tables, targets = [], []
    for system in services.databases:
        tell(f"{system}: whole requests, {rounds} rounds")
        url = services.database(system)
        environ = UNLIMITED | {"PROMETHEUS_MULTIPROC_DIR": services.metrics_folder()}
        with ExitStack() as stack:
            workers = {
                project: stack.enter_context(
                    Worker("bench.measured.caller", url, PGAPPNAME=project, **environ, **settings)
                )
                for project, settings in PROJECTS.items()
            }
            costs = _measure_lines(workers, rounds, times)
        listing = costs[LINES[0].name]["wizchat"]
        tables.append(_table(system, costs))
        targets += _targets(system, costs)
    figures = {"list": median(database for _, database in listing) * 1e6}
    return [Section("Whole requests", "\n\n".join([EXPLANATION, *tables]), targets, figures)]


def _measure_lines(workers: dict[str, Worker], rounds: int, times: int) -> dict[str, Costs]:
    """Return what each row costs; the projects take turns, so that a disturbance affects them all."""
    data = workers["wizchat"].ask("fill")
    for worker in workers.values():
        worker.ask("settle")
    _compare_lists(workers, data["headers"])
    costs: dict[str, Costs] = {line.name: {project: [] for project in workers} for line in LINES}
    for _ in range(rounds):
        for line in LINES:
            path = f"/v1/chatbots{line.path.format(**data)}"
            for project, worker in workers.items():
                header = data["headers"][project][line.is_forged]
                call = [line.method, path, header, line.body, line.status]
                costs[line.name][project].append(worker.ask("cost", times, *call))
    return costs


def _compare_lists(workers: dict[str, Worker], headers: dict[str, list[str]]) -> None:
    """Check that the projects do the same: return the same 50 chatbots and a link to the next page."""
    pages = [
        worker.ask("body", "GET", "/v1/chatbots", headers[project][0], "", 200)
        for project, worker in workers.items()
    ]
    ids = [[chatbot["id"] for chatbot in page["results"]] for page in pages]
    assert all(of_page == ids[0] and len(of_page) == 50 for of_page in ids), ids
    assert all(page["next"] for page in pages)
    assert all(page["results"][0].keys() == pages[0]["results"][0].keys() for page in pages)


def _share(costs: Costs, peer: str) -> float:
    """Return WizChat's CPU time as a share of a peer's, database included: the median of the rounds."""
    pairs = zip(costs["wizchat"], costs[peer], strict=True)
    return median(sum(ours) / sum(theirs) for ours, theirs in pairs)


def _targets(system: str, costs: dict[str, Costs]) -> list[Target]:
    return [
        Target(f"{line.name} ÷ {label}", system, _share(costs[line.name], peer), "≤", limits[system])
        for line in LINES
        for (peer, label), limits in zip(PEERS.items(), (line.of_drf, line.of_ninja), strict=True)
    ]


def _table(system: str, costs: dict[str, Costs]) -> str:
    rows = []
    for line in LINES:
        of_line = costs[line.name]
        cells = [
            f"{median(map(sum, of_line[project])) * 1e6:,.0f}"
            + (f" ({median(own for own, _ in of_line[project]) * 1e6:,.0f})" if system != "SQLite" else "")
            for project in PROJECTS
        ]
        rows.append([line.name, *cells, *(f"{_share(of_line, peer):.2f}" for peer in PEERS)])
    return table([system, "WizChat, µs", "DRF, µs", "django-ninja, µs", "÷ DRF", "÷ django-ninja"], rows)


EXPLANATION = (
    "Microseconds of CPU time for a request through the whole WSGI application: middleware, authentication, "
    "view, rendering, and what happens after the response. On PostgreSQL this includes the CPU time of "
    "PostgreSQL's own process (without it in parentheses). The HTTP server isn't included. As in "
    "production, WizChat writes a log line for each request, counts it for metrics, usage and the key's "
    "rate limit (in this process), and writes usage once a second; the peers do none of that. The peers "
    "have the same endpoints over the same tables, with the settings and middleware of `django-admin "
    "startproject`, `DEBUG` off and persistent connections. DRF uses ModelViewSet, CursorPagination and "
    "TokenAuthentication; django-ninja uses ModelSchema, CursorPagination and HttpBearer over a SHA-256 of "
    "the key. Each list has a next page. The message is a paraphrase with a typo, which WizChat answers "
    "from the right FAQ entry; the peers only find entries with exactly the same text. Ratios are medians "
    "over the rounds; the projects take turns within each round."
)
