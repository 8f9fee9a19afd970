"""Usage in the database. Counts are added to rows, never set, so processes can't lose each other's counts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db import connection, models, transaction

from apikeys.models import APIKey, KeyUsage, Permission, Rotation

HOUR_SECONDS = 3600
TIME_FIELD: models.DateTimeField[Any, Any] = models.DateTimeField()
"""Converts times for the database."""
ROWS_PER_BATCH = 1000
"""Rows per batch: PostgreSQL has as long to answer a batch as it has for one statement."""


class Row(NamedTuple):
    """What a count belongs to; ``hour`` is in hours since the epoch."""

    key: int
    hour: int
    outcome: str
    address: Any


class Count:
    """How many calls, and when the last one was, in seconds since the epoch."""

    __slots__ = ("calls", "last_at")

    def __init__(self, calls: int = 0, last_at: float = 0.0) -> None:
        self.calls = calls
        self.last_at = last_at

    def add(self, other: Count) -> None:
        self.calls += other.calls
        self.last_at = max(self.last_at, other.last_at)

    def __repr__(self) -> str:
        return f"Count({self.calls}, {self.last_at})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Count) and (self.calls, self.last_at) == (other.calls, other.last_at)

    __hash__ = None  # type: ignore[assignment]  # it changes


class LastUse(NamedTuple):
    """The last use of a key, as text; ``at`` is in seconds since the epoch."""

    at: float
    ip: str
    user_agent: str
    method: str
    route: str


def add_counts(counts: dict[Row, Count]) -> None:
    """Add ``counts`` to the table, except those of keys that no longer exist."""
    usage, keys = KeyUsage._meta.db_table, APIKey._meta.db_table
    statement = f"""
        INSERT INTO {usage} (key_id, hour, outcome, address, count, last_at)
        SELECT id, %s, %s, %s, %s, %s FROM {keys} WHERE id = %s
        ON CONFLICT (key_id, hour, outcome, address) DO UPDATE SET
            count = {usage}.count + excluded.count,
            last_at = CASE WHEN {usage}.last_at < excluded.last_at
                THEN excluded.last_at ELSE {usage}.last_at END
    """  # noqa: S608  # names of tables
    # The same order in every process, so that two of them can't deadlock.
    rows = [
        (
            _stored(row.hour * HOUR_SECONDS),
            row.outcome,
            row.address,
            count.calls,
            _stored(count.last_at),
            row.key,
        )
        for row, count in sorted(counts.items(), key=lambda item: item[0])
    ]
    _execute(statement, rows)


def set_last_uses(uses: dict[int, LastUse]) -> None:
    """Set the last use of keys, unless a later one is stored already."""
    ip = APIKey._meta.get_field("last_used_ip").column
    statement = f"""
        UPDATE {APIKey._meta.db_table} SET last_used_at = %s, {ip} = %s,
            last_used_user_agent = %s, last_used_method = %s, last_used_route = %s
        WHERE id = %s AND (last_used_at IS NULL OR last_used_at < %s)
    """  # noqa: S608  # names of a table and a column
    rows = [
        (at := _stored(use.at), use.ip, use.user_agent, use.method, use.route, key, at)
        for key, use in sorted(uses.items())
    ]
    _execute(statement, rows)


def set_needed(needed: dict[tuple[int, int], float]) -> None:
    """Set when a call last needed a permission, by key and permission."""
    for permission in Permission:
        column = f"{permission.names[0]}_needed_at"
        statement = f"""
            UPDATE {APIKey._meta.db_table} SET {column} = %s
            WHERE id = %s AND ({column} IS NULL OR {column} < %s)
        """  # noqa: S608  # names of a table and a column
        rows = [
            (_stored(at), key, _stored(at))
            for (key, needed_bit), at in sorted(needed.items())
            if needed_bit == permission.value
        ]
        if rows:
            _execute(statement, rows)


def note_first_uses(first: dict[int, float]) -> None:
    """Start the clock of rotations that wait for the first use of their new key."""
    Rotation.note_first_uses({key: datetime.fromtimestamp(at, UTC) for key, at in first.items()})


def _execute(statement: str, rows: list[tuple[Any, ...]]) -> None:
    """Execute ``statement`` with all ``rows`` or with none."""
    with transaction.atomic(), connection.cursor() as cursor:
        for start in range(0, len(rows), ROWS_PER_BATCH):
            cursor.executemany(statement, rows[start : start + ROWS_PER_BATCH])


def _stored(at: float) -> Any:
    """Return a time as the database's driver wants it."""
    return TIME_FIELD.get_db_prep_value(datetime.fromtimestamp(at, UTC), connection)
