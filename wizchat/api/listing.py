"""Reads the rows of a list endpoint: only the serializer's columns, by a SELECT compiled per page size."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet
from rest_framework.serializers import Serializer

from wizchat.api.pagination import Cursor
from wizchat.api.serializers import shape_of
from wizchat.statements import Parameter, Statement


class Listing:
    """The rows of ``queryset``, newest first, as ``serializer_class`` shows them."""

    def __init__(
        self, queryset: QuerySet[Any], serializer_class: type[Serializer[Any]], id_field: str = "id"
    ) -> None:
        self.shape = shape_of(serializer_class)
        self._queryset = queryset.order_by("-created_at", f"-{id_field}")
        self._id_field = id_field
        self._columns = list(dict.fromkeys([*self.shape.columns, "created_at", id_field]))
        self._created_at, self._id = map(self._columns.index, ("created_at", id_field))
        self._statements: dict[tuple[bool | None, int], Statement[Any]] = {}

    def fetch(self, cursor: Cursor | None, limit: int, **values: Any) -> list[tuple[Any, ...]]:
        """Return at most ``limit`` rows after ``cursor``, nearest first."""
        if cursor is None:
            return self.statement(None, limit).json_rows(**values)
        position = {"cursor_created_at": cursor.created_at, "cursor_id": cursor.id}
        return self.statement(cursor.older, limit).json_rows(**position, **values)

    def position(self, row: tuple[Any, ...]) -> tuple[datetime, Any]:
        """Return when a row was created, and its id."""
        created_at, row_id = row[self._created_at], row[self._id]
        if created_at.tzinfo is None:  # on SQLite
            created_at = created_at.replace(tzinfo=UTC)
        return created_at, row_id.replace("-", "") if isinstance(row_id, str) else row_id

    def statement(self, older: bool | None, limit: int) -> Statement[Any]:
        """Return the SELECT for a page; for the first page if ``older`` is ``None``."""
        statement = self._statements.get((older, limit))
        if statement is None:
            statement = self._statements[older, limit] = Statement(self._page(older, limit))
        return statement

    def _page(self, older: bool | None, limit: int) -> QuerySet[Any, Any]:
        queryset = self._queryset
        if older is not None:
            created_at, row_id = map(queryset.model._meta.get_field, ("created_at", self._id_field))
            cursor: Any = (older, Parameter("cursor_created_at", created_at), Parameter("cursor_id", row_id))
            queryset = Cursor(*cursor).within(queryset, self._id_field)
        return queryset.values_list(*self._columns)[:limit]
