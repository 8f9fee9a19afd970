"""What is counted for operators. Pure: no database, no settings."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Summary

_AUTHENTICATIONS = Counter("wizchat_authentications", "API keys presented, by what came of it.", ["outcome"])
ACCEPTED = _AUTHENTICATIONS.labels("accepted")
REFUSED = {
    reason: _AUTHENTICATIONS.labels(reason)
    for reason in (
        *("plain_http", "malformed", "unknown", "wrong_secret", "inactive_owner"),
        *("revoked", "expired", "address", "permission"),
    )
}
MEMO_HITS = Counter("wizchat_key_memo_hits", "Proofs of a key that were remembered.")
ARGON2_SECONDS = Summary("wizchat_key_argon2_seconds", "Argon2 computations, encoding and verifying.")
USAGE_LAG = Gauge(
    "wizchat_usage_lag_seconds",
    "Seconds from one writing of usage to the next try: grows while the database does not take it.",
    multiprocess_mode="livemax",
)
