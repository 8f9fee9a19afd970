"""What rate limiting and recording usage add to a request."""

from __future__ import annotations

from collections import defaultdict
from statistics import median

from bench.report import Section, Target, spread, table, tell
from bench.services import Services
from bench.workers import Worker

TIMES = 50
ROWS = {
    "in process": "rate limit, counted in the process",
    "in Redis": "rate limit, counted in Redis",
    "Redis": "… of which CPU time of Redis",
    "outcome": "usage, counted in memory: the outcome alone",
    "more": "… and address, client, route, permission, first use",
    "writing": "usage, written once a second, per key that was used",
    "written": "… and CPU time of PostgreSQL",
}


def measure(services: Services) -> list[Section]:
    tell("the rate limit and usage")
    rounds = 3 if services.quick else 200
    found: defaultdict[str, list[float]] = defaultdict(list)
    url = services.database(services.shared)
    with (
        Worker("bench.measured.hot_path", services.database("SQLite")) as alone,
        Worker("bench.measured.hot_path", url, CACHE_URL=services.redis, PGAPPNAME="wizchat") as shared,
    ):
        for _ in range(rounds):
            found["in process"].append(alone.ask("rate limit", TIMES) * 1e6)
            found["in Redis"].append(shared.ask("rate limit", TIMES) * 1e6)
            outcome, everything = (seconds * 1e6 for seconds in alone.ask("usage", 20 * TIMES))
            found["outcome"].append(outcome)
            found["more"].append(everything - outcome)
        for _ in range(max(2, rounds // 10)):
            own, database = (seconds * 1e6 for seconds in shared.ask("writing"))
            found["writing"].append(own)
            found["written"].append(database)
        round_trips = shared.ask("round trips")
        found["Redis"] = [shared.ask("redis") * 1e6] * 2
    rows = ([label, spread(found[name], digits=1)] for name, label in ROWS.items())
    return [
        Section(
            "Rate limit and usage",
            f"{EXPLANATION}\n\n{table(['', 'µs (quartiles)'], rows)}",
            [
                Target("rate limit in the process", "a request", median(found["in process"]), "≤", 15, " µs"),
                Target("rate limit in Redis", "round trips", round_trips, "≤", 1),
                Target("usage beyond the outcome", "a request", median(found["more"]), "≤", 3, " µs"),
            ],
            {name: median(values) for name, values in found.items()},
        )
    ]


EXPLANATION = (
    "The rate limit is the difference between a request with a limit and one without, from authentication "
    "to the response headers. It is CPU time if the process counts, and elapsed time if it waits for Redis. "
    "Counting usage is the CPU time of adding one request to the counts in memory; “the outcome alone” is "
    "what the same code takes to count only requests per key, hour and outcome. Writing usage is the CPU "
    "time, per key, of the thread that writes the usage of 1,000 keys to PostgreSQL: a row of counts, the "
    "last use and the permission that it needed."
)
