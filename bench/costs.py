"""What the rate limit and the counting of usage add to a request."""

from __future__ import annotations

from statistics import median

from bench.report import Section, Target, spread, table, tell
from bench.services import Services
from bench.workers import Worker

TIMES = 50


def measure(services: Services) -> list[Section]:
    tell("the rate limit and usage")
    rounds = 3 if services.quick else 200
    with (
        Worker("bench.measured.hot_path", services.database("SQLite")) as alone,
        Worker("bench.measured.hot_path", services.database("SQLite"), CACHE_URL=services.redis) as shared,
    ):
        in_process, in_redis, outcome, whole = [], [], [], []
        for _ in range(rounds):
            in_process.append(alone.ask("rate limit", TIMES) * 1e6)
            in_redis.append(shared.ask("rate limit", TIMES) * 1e6)
            of_outcome, of_everything = alone.ask("usage", 20 * TIMES)
            outcome.append(of_outcome * 1e6)
            whole.append(of_everything * 1e6)
        round_trips = shared.ask("round trips")
    more = [everything - alone for everything, alone in zip(whole, outcome, strict=True)]
    figures = {
        "rate limit, counted in the process": in_process,
        "rate limit, counted in Redis": in_redis,
        "usage: the outcome alone": outcome,
        "usage: and caller, client, route, permission, first use": more,
    }
    text = table(["", "µs (quartiles)"], ([name, spread(of, digits=1)] for name, of in figures.items()))
    return [
        Section(
            "Rate limit and usage",
            f"{EXPLANATION}\n\n{text}",
            [
                Target("rate limit in the process", "a request", median(in_process), "≤", 15, " µs"),
                Target("rate limit in Redis", "round trips", round_trips, "≤", 1),
                Target("usage beyond the outcome", "a request", median(more), "≤", 3, " µs"),
            ],
        )
    ]


EXPLANATION = (
    "The rate limit is the difference between a request with and without one, from authentication to the "
    "headers of the answer: processor time where the process counts, time on the clock where it waits for "
    "Redis. Usage is the processor time of counting one answered request in memory; the outcome alone is the "
    "same code for the number of calls by key, hour and outcome."
)
