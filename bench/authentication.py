"""Authentication alone: the time of one view without authentication, with WizChat's and with each peer's."""

from __future__ import annotations

from collections import defaultdict
from contextlib import ExitStack
from statistics import median

from bench.report import Section, Target, spread, table, tell
from bench.services import Services
from bench.workers import Worker

VIEWS = {
    "valid": "**WizChat**, valid key",
    "valid, counted": "… with usage counted",
    "valid, expires": "… with an expiry date",
    "valid, 100 entries": "… with 100 allowed addresses",
    "revoked": "… revoked",
    "wrong secret": "… wrong secret, over the limit of failed attempts",
    "wrong secret, below": "… wrong secret, under the limit",
    "unknown id": "… unknown id, over the limit",
    "bad checksum": "… bad checksum, over the limit",
    "token": "**DRF TokenAuthentication**",
    "token, wrong": "… wrong token",
    "knox": "**django-rest-knox**",
    "api-key": "**djangorestframework-api-key**",
    "naive": "**Argon2 on each request**",
    "naive, wrong": "… wrong secret",
}
SIZES = [10, 10_000, 100_000, 1_000_000]
REQUESTS = 30  # short turns: few rounds are disturbed, and then as a whole
SLOW = {"naive": 1, "naive, wrong": 1}  # requests per round; Argon2 is no faster with more
BY_SIZE = ["plain", "valid"]


class Samples:
    """Seconds per request in each round, by view, on one database."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, list[float]] = defaultdict(list)
        self.round_trips: dict[str, int] = {}

    def over_plain(self, name: str) -> list[float]:
        """Return, for each round, how many µs longer a view takes than the plain one."""
        plain = "plain" + (f" of {name.rpartition(' of ')[2]}" if " of " in name else "")
        pairs = zip(self.seconds[name], self.seconds[plain], strict=True)
        return [(seconds - base) * 1e6 for seconds, base in pairs]

    def ratio(self, name: str, base: str) -> float:
        return median(self.over_plain(name)) / median(self.over_plain(base))


def measure(services: Services) -> list[Section]:
    rounds, sizes = (2, [10, 100]) if services.quick else (100, SIZES)
    samples: dict[str, Samples] = {}
    with ExitStack() as stack:
        workers: dict[str, list[Worker]] = {}
        for system in services.databases:
            tell(f"{system}: filling tables of up to {max(sizes):,} keys")
            workers[system] = [
                stack.enter_context(Worker("bench.measured.cases", services.database(system), size))
                for size in sizes
            ]
        for system, of_sizes in workers.items():
            for worker in of_sizes:
                worker.wait_until_ready()
            tell(f"{system}: calling views, {rounds} rounds")
            samples[system] = _call_views(dict(zip(sizes, of_sizes, strict=True)), rounds)
    return _sections(samples, sizes)


def _call_views(workers: dict[int, Worker], rounds: int) -> Samples:
    """Call the views in turn, round by round, so that a disturbance affects them all."""
    samples = Samples()
    smallest = workers[min(workers)]
    names = smallest.ask("names")
    for number in range(rounds + 1):
        todo = [(name, smallest, name) for name in names]
        todo += [(f"{name} of {size}", worker, name) for size, worker in workers.items() for name in BY_SIZE]
        for title, worker, name in todo:
            seconds = worker.ask("seconds", name, SLOW.get(name, REQUESTS))
            if number:  # the first round warms up
                samples.seconds[title].append(seconds)
    for name in names:
        samples.round_trips[name] = smallest.ask("round trips", name)
    return samples


def _sections(samples: dict[str, Samples], sizes: list[int]) -> list[Section]:
    targets = []
    for system, of_system in samples.items():
        of_token = {"SQLite": (0.18, 0.22), "PostgreSQL": (0.36, 0.34)}[system]
        largest, smallest = f"valid of {sizes[-1]}", f"valid of {sizes[0]}"
        targets += [
            Target("authentication ÷ DRF TokenAuthentication", system, of_system.ratio("valid", "token"),
                   "≤", of_token[0]),
            Target("… with usage counted", system, of_system.ratio("valid, counted", "token"),
                   "≤", of_token[1]),
            Target("wrong secret ÷ valid key", system, of_system.ratio("wrong secret", "valid"), "≤", 1.2),
            Target(f"{sizes[-1]:,} keys ÷ {sizes[0]} keys", system, of_system.ratio(largest, smallest),
                   "≤", 1.1),
        ]  # fmt: skip
    tables = [_table(system, of_system) for system, of_system in samples.items()]
    rows = [
        [system, *(spread(of_system.over_plain(f"valid of {size}")) for size in sizes)]
        for system, of_system in samples.items()
    ]
    by_size = table(["", *(f"{size:,} keys" for size in sizes)], rows)
    return [
        Section(
            "Authentication alone",
            "\n\n".join([EXPLANATION, *tables]),
            targets,
            {"Argon2": median(samples["SQLite"].over_plain("naive"))},
        ),
        Section(
            "Tables of keys",
            f"Microseconds that a valid key adds to a view, by the number of keys in the table.\n\n{by_size}",
        ),
    ]


def _table(system: str, samples: Samples) -> str:
    token = median(samples.over_plain("token"))
    rows = []
    for name, label in VIEWS.items():
        over = samples.over_plain(name)
        rows.append([label, spread(over), f"{median(over) / token:.2f}", str(samples.round_trips[name])])
    return table([system, "µs (quartiles)", "÷ DRF token", "round trips"], rows)


EXPLANATION = (
    "Microseconds that authentication adds to a view, compared with the same view without it: median of the "
    "rounds (quartiles). The views take turns, so a disturbance affects all of them. Every request writes a "
    "log line, including those of the peers. PostgreSQL's process runs on the same core as its client."
)
