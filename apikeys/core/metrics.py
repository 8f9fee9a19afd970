"""The Prometheus metrics of keys and their usage. Pure: no database, no settings."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Summary

from apikeys.core.outcomes import REASONS

_AUTHENTICATIONS = Counter("wizchat_authentications", "API keys presented, by outcome.", ["outcome"])
ACCEPTED = _AUTHENTICATIONS.labels("accepted")
REFUSALS = {reason: _AUTHENTICATIONS.labels(reason.value) for reason in REASONS}
VERIFIED_CACHE_HITS = Counter(
    "wizchat_key_verified_cache_hits", "Keys that a process had verified before, so that no Argon2 ran."
)
ARGON2_SECONDS = Summary("wizchat_key_argon2_seconds", "Argon2 computations, hashing and verifying.")
USAGE_LAG = Gauge(
    "wizchat_usage_lag_seconds",
    "Seconds between the last successful write of usage and the latest attempt: grows while writes fail.",
    multiprocess_mode="livemax",
)
