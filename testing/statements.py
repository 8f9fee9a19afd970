"""Watches SQL statements."""

from __future__ import annotations

from contextlib import contextmanager

from django.db import connection


@contextmanager
def longest_statement():
    """Yield a list; at the end it has one number: the most parameters of a statement, but for INSERTs."""
    numbers, longest = [0], []

    def count(execute, sql, params, many, context):
        if not sql.startswith("INSERT"):
            numbers.append(len(params or ()))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        yield longest
    longest.append(max(numbers))
