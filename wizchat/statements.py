"""SELECTs that the ORM compiles only once, because compiling a small one costs more than running it.

This is the only module that uses the ORM's compiler, which Django doesn't document (decision 52).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import QuerySet
from django.db.models.expressions import Expression
from django.db.models.sql.compiler import SQLCompiler

CHECKED_AGAINST = "5.2.19"
"""The release of Django whose compiler was read; a test fails for any other, until someone reads it again."""

_Model = TypeVar("_Model", bound=models.Model)

Row = tuple[Any, ...]
Convert = Callable[[Any, BaseDatabaseWrapper], Any]


class Parameter(Expression):
    """A value that each run supplies; ``output_field`` converts it for the database."""

    def __init__(self, name: str, output_field: Any) -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        return "%s", (self,)

    def prepared(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        return self.output_field.get_db_prep_value(value, connection)


class Statement(Generic[_Model]):
    """The SELECT of ``queryset``, which has a ``Parameter`` in place of each value."""

    def __init__(self, queryset: QuerySet[_Model, Any]) -> None:
        self._queryset = queryset

    def rows(self, **values: Any) -> list[Row]:
        """Return the rows, with the Python values that ``queryset`` would give."""
        connection = connections[DEFAULT_DB_ALIAS]
        return _converted(self._run(values, connection), self._compiled.to_python, connection)

    def json_rows(self, **values: Any) -> list[Row]:
        """Return the rows, with values that make the same JSON as those of ``rows``.

        From SQLite, UUIDs are text, and times are in UTC without their zone.
        """
        connection = connections[DEFAULT_DB_ALIAS]
        return _converted(self._run(values, connection), self._compiled.to_json, connection)

    def first(self, **values: Any) -> Row | None:
        """Return the first row, as ``rows`` does."""
        connection = connections[DEFAULT_DB_ALIAS]
        found = self._run(values, connection)
        if not found:
            return None
        row = list(found[0])
        for place, convert in self._compiled.to_python:
            row[place] = convert(row[place], connection)
        return tuple(row)

    def get(self, **values: Any) -> _Model:
        """Return the first object; raise its model's ``DoesNotExist`` if there is none."""
        model: Any = self._queryset.model
        row = self.first(**values)
        if row is None:
            raise model.DoesNotExist
        found: _Model = model.from_db(DEFAULT_DB_ALIAS, self._attributes, row)
        return found

    @property
    def sql(self) -> str:
        return self._compiled.sql

    def _run(self, values: dict[str, Any], connection: BaseDatabaseWrapper) -> list[Row]:
        compiled = self._compiled
        with connection.cursor() as cursor:
            cursor.execute(compiled.sql, compiled.bound(values, connection))
            rows: list[Row] = cursor.fetchall()
        return rows

    @cached_property
    def _attributes(self) -> list[str]:
        return [field.attname for field in self._queryset.model._meta.concrete_fields]

    @cached_property
    def _compiled(self) -> _Compiled:
        return _compile(self._queryset)


class _Compiled(NamedTuple):
    """SQL, its parameters, and the places of columns that need converting, with their converters.

    ``names`` are the parameters' names in the SQL; empty if they are positional.
    """

    sql: str
    parameters: list[Any]
    names: list[str]
    to_python: list[tuple[int, Convert]]
    to_json: list[tuple[int, Convert]]

    def bound(self, values: dict[str, Any], connection: BaseDatabaseWrapper) -> Any:
        """Return the parameters for a cursor's ``execute``."""
        parameters = [
            one.prepared(values[one.name], connection) if isinstance(one, Parameter) else one
            for one in self.parameters
        ]
        return dict(zip(self.names, parameters, strict=True)) if self.names else parameters


def _compile(queryset: QuerySet[Any, Any]) -> _Compiled:
    connection = connections[DEFAULT_DB_ALIAS]
    compiler = queryset.query.get_compiler(connection=connection)
    sql, parameters = compiler.as_sql()
    # Name parameters on SQLite, because Django's cursor scans the SQL for positional ones on each run.
    # psycopg is slower with names.
    names = [f"p{place}" for place in range(len(parameters))] if connection.vendor == "sqlite" else []
    if names:
        first, *rest = sql.split("%s")
        sql = first + "".join(f"%({name})s{text}" for name, text in zip(names, rest, strict=True))
    columns = [expression for expression, *_ in compiler.select]
    converters = compiler.get_converters(columns)
    to_python = [(place, _in_turn(found, column)) for place, (found, column) in converters.items()]
    to_json = [(place, _for_json(columns[place], connection, convert)) for place, convert in to_python]
    return _Compiled(
        sql, list(parameters), names, to_python, [(place, convert) for place, convert in to_json if convert]
    )


def _in_turn(converters: Iterable[Any], column: Any) -> Convert:
    def convert(value: Any, connection: BaseDatabaseWrapper) -> Any:
        for converter in converters:
            value = converter(value, column, connection)
        return value

    return convert


def _for_json(column: Any, connection: BaseDatabaseWrapper, convert: Convert) -> Convert | None:
    """Return the converter for a value that is only written as JSON; ``None`` if it needs none."""
    if connection.vendor == "sqlite":
        match column.output_field.get_internal_type():
            case "UUIDField":
                return _with_hyphens
            case "DateTimeField" | "BooleanField":
                return None
    return convert


def _with_hyphens(digits: str | None, _: BaseDatabaseWrapper) -> str | None:
    """Return the UUID with these 32 hex digits in its usual form."""
    if digits is None:
        return None
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _converted(
    rows: list[Row], conversions: Sequence[tuple[int, Convert]], connection: BaseDatabaseWrapper
) -> list[Row]:
    """Return ``rows`` with values converted, column by column, because columns are few and rows many."""
    if not conversions or not rows:
        return rows
    columns: list[Iterable[Any]] = list(zip(*rows, strict=True))
    for place, convert in conversions:
        columns[place] = [convert(value, connection) for value in columns[place]]
    return list(zip(*columns, strict=True))
