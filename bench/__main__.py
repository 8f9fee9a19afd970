"""Measure everything in one run, turn by turn, and write docs/benchmarks.md: ``python -m bench``."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from bench import requests
from bench.measure import Samples, Worker, serve
from bench.report import document, report, tell
from testing.services import Postgres

ROOT = Path(__file__).resolve().parent.parent
TABLE_SIZES = [10, 10_000, 100_000, 1_000_000]
ROUNDS, REQUESTS = 150, 30  # short turns: a round is seldom disturbed, and then wholly
SLOW = {"naive": 1, "naive, wrong": 1}  # requests a round; Argon2 is no faster for more
BY_SIZE = ["plain", "valid"]
HTTP_ROUNDS, HTTP_SECONDS, CONNECTIONS = 20, 0.5, 4
FLOOD_ROUNDS, FLOOD_CONNECTIONS = 3, 50
WARM_KEYS = 10_000


@contextmanager
def databases() -> Iterator[dict[str, list[str]]]:
    """Give a database of its own for each size of table, on SQLite and on PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="wizchat-bench-") as folder, closing(Postgres()) as postgres:
        postgres.start()
        urls: dict[str, list[str]] = {"SQLite": [], "PostgreSQL": []}
        for size in [*TABLE_SIZES, 0]:  # the last one for what is measured on its own
            with postgres.connect("postgres") as connection:
                connection.execute(f"CREATE DATABASE bench_{size}")
            urls["PostgreSQL"].append(postgres.url.replace("/wizchat", f"/bench_{size}"))
            urls["SQLite"].append(f"sqlite:///{folder}/{size}.sqlite3")
        yield urls


def measure_views(samples: Samples, database: str, workers: list[Worker]) -> None:
    """Call the views, each in turn, round by round, so that what disturbs one disturbs all."""
    names = workers[0].ask("names")
    for number in range(ROUNDS + 1):
        for name in names:
            seconds = workers[0].ask("seconds", name, SLOW.get(name, REQUESTS))
            if number:  # the first round warms up
                samples.add(database, name, seconds)
        for size, worker in zip(TABLE_SIZES, workers, strict=True):
            for name in BY_SIZE:
                seconds = worker.ask("seconds", name, REQUESTS)
                if number:
                    samples.add(database, f"{name} of {size}", seconds)
    for name in names:
        samples.round_trips[database, name] = workers[0].ask("round trips", name)


def measure_server(samples: Samples, database: str, worker: Worker) -> None:
    """Ask one gunicorn process over HTTP, in turn for ours and for the stock view; then flood it."""
    good, token, wrong = (worker.ask("header", name) for name in ("valid", "token", "wrong secret"))
    ours, stock, forged = ["/v1/chatbots", good], ["/v1/stock", token], ["/v1/chatbots", wrong]
    with serve(worker.environ) as load:
        for number in range(HTTP_ROUNDS + 1):
            for name, request in (("ours", ours), ("stock", stock)):
                (latencies,) = load([[CONNECTIONS, *request]], HTTP_SECONDS)
                if number:
                    samples.add(database, f"{name}, requests/s", len(latencies) / HTTP_SECONDS)
        for _ in range(FLOOD_ROUNDS):
            for name, noise in (("quiet", None), ("forged", forged), ("good", ours)):
                others = [[FLOOD_CONNECTIONS, *noise]] if noise else []
                latencies, *_ = load([[1, *ours], *others], 4 * HTTP_SECONDS)
                samples.add(database, f"{name}, p95", sorted(latencies)[int(len(latencies) * 0.95)])


def main() -> None:
    if sys.argv[1:] == ["requests"]:
        with databases() as urls:
            latest = {database: of_sizes[-1] for database, of_sizes in urls.items()}
            sys.stdout.write(document([requests.measure(latest)]))
        return
    samples = Samples()
    with databases() as urls, ExitStack() as stack:
        workers: dict[str, list[Worker]] = {}
        for database in urls:
            tell(f"{database}: filling tables of up to {max(TABLE_SIZES):,} keys")
            workers[database] = [
                stack.enter_context(Worker("bench.worker", url, size))
                for url, size in zip(urls[database], TABLE_SIZES, strict=False)
            ]
        for database, of_sizes in workers.items():
            for worker in of_sizes:
                worker.wait_until_ready()
            samples.versions[database] = of_sizes[0].ask("version")
        for database, of_sizes in workers.items():
            tell(f"{database}: calling views, {ROUNDS} rounds")
            measure_views(samples, database, of_sizes)
            tell(f"{database}: asking the server")
            measure_server(samples, database, of_sizes[0])
        for database, of_url in urls.items():
            tell(f"{database}: warming {WARM_KEYS:,} keys")
            cheap = {"BENCH_CHEAP_ARGON2": "1"}
            with Worker("bench.worker", of_url[-1], 0, **cheap) as issuer:
                issuer.wait_until_ready()
                raws = issuer.ask("issue", WARM_KEYS)
            with Worker("bench.worker", of_url[-1], 0, **cheap) as warm:
                warm.wait_until_ready()
                samples.memory[database] = warm.ask("warm", raws)
    text = report(samples)
    (ROOT / "docs" / "benchmarks.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
