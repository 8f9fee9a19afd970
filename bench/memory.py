"""How much memory a process needs for the keys that it has verified."""

from __future__ import annotations

from bench.report import Section, table, tell
from bench.services import Services
from bench.workers import Worker

CHEAP = {"BENCH_CHEAP_ARGON2": "1"}
EXPLANATION = (
    "A process with {keys:,} verified keys. The keys are hashed at the lowest Argon2 cost, so that "
    "verifying them takes only seconds; the size of an entry in the verified cache doesn't depend on the "
    "cost."
)


def measure(services: Services) -> list[Section]:
    keys = 100 if services.quick else 10_000
    rows = []
    for system in services.databases:
        tell(f"{system}: verifying {keys:,} keys")
        url = services.database(system)
        with Worker("bench.measured.cases", url, 0, **CHEAP) as issuer:
            raws = issuer.ask("issue", keys)
        with Worker("bench.measured.cases", url, 0, **CHEAP) as worker:
            before, after = (size / 2**20 for size in worker.ask("warm", raws))
        rows.append([system, f"{before:.0f} MiB", f"{after:.0f} MiB", f"{after - before:.1f} MiB"])
    text = table(["", "before", "after", "for the keys"], rows)
    return [Section("Memory", f"{EXPLANATION.format(keys=keys)}\n\n{text}")]
