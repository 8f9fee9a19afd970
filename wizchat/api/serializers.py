"""Strict serializers: no type conversions and no unknown fields."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.fields import empty

from wizchat.api.parsing import named

_Model = TypeVar("_Model", bound=models.Model)

if TYPE_CHECKING:
    _Base = serializers.Serializer[Any]
else:  # a mixin at run time
    _Base = object


class StrictCharField(serializers.CharField):
    """Accepts only a JSON string. DRF's own field turns 1 into "1"."""

    def run_validation(self, data: Any = empty) -> Any:
        if data is not empty and data is not None and not isinstance(data, str):
            self.fail("invalid")
        return super().run_validation(data)


class StrictBooleanField(serializers.BooleanField):
    """Accepts only ``true`` and ``false``. DRF's own field also takes "yes", "t" and 1."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class NoUnknownFields(_Base):
    """Mixin for a serializer: refuses unknown fields by name.

    Read-only fields are ignored, so that a client can send back what it received.
    """

    def to_internal_value(self, data: Any) -> Any:
        unknown = [name for name in data if name not in self.fields] if isinstance(data, dict) else []
        errors: dict[str, Any] = dict(named(unknown, "Unknown field."))
        try:
            value = super().to_internal_value(data)
        except ValidationError as error:
            if isinstance(error.detail, dict):
                errors |= error.detail
            raise ValidationError(errors or error.detail) from error
        if errors:
            raise ValidationError(errors)
        return value


class StrictSerializer(NoUnknownFields, serializers.ModelSerializer[_Model]):
    """A ``ModelSerializer`` of strict fields; the lengths are the model's."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: StrictCharField,
        models.TextField: StrictCharField,
        models.BooleanField: StrictBooleanField,
    }


class Shape:
    """Maps rows to JSON for a serializer whose fields are all columns that JSON shows unchanged.

    Raises ``TypeError`` for a serializer with any other field.
    """

    def __init__(self, serializer_class: type[serializers.Serializer[Any]]) -> None:
        model = serializer_class.Meta.model  # type: ignore[attr-defined]  # of a ModelSerializer
        fields = {name: field for name, field in serializer_class().fields.items() if not field.write_only}
        columns = {name: _column(model, field) for name, field in fields.items()}
        for name, column in columns.items():
            if column is None:
                raise TypeError(f"{serializer_class.__name__}.{name} is more than a column")
        self.names = tuple(columns)
        self.columns = tuple(column.attname for column in columns.values())

    def of_row(self, row: Sequence[Any]) -> dict[str, Any]:
        """Return the JSON object for a row that begins with the columns."""
        return dict(zip(self.names, row, strict=False))

    def of(self, instance: models.Model) -> dict[str, Any]:
        return {
            name: getattr(instance, column) for name, column in zip(self.names, self.columns, strict=True)
        }


_INTEGERS = {
    kind.__name__
    for kind in (models.IntegerField, models.SmallIntegerField, models.BigIntegerField, models.BigAutoField)
}
# The types of columns whose values orjson writes exactly as the method of DRF's field would.
_AS_THEY_ARE = {
    serializers.BigIntegerField.to_representation: _INTEGERS,
    serializers.BooleanField.to_representation: {"BooleanField"},
    serializers.CharField.to_representation: {"CharField", "TextField"},
    serializers.DateTimeField.to_representation: {"DateTimeField"},
    serializers.IntegerField.to_representation: _INTEGERS,
    serializers.PrimaryKeyRelatedField.to_representation: {"ForeignKey"},
    serializers.UUIDField.to_representation: {"UUIDField"},
}


def _column(model: type[models.Model], field: Any) -> Any:
    """Return the column that ``field`` shows unchanged; ``None`` if it shows anything else."""
    options = vars(field)
    is_formatted = (
        "format" in options
        or options.get("uuid_format", "hex_verbose") != "hex_verbose"
        or options.get("coerce_to_string", False)
    )
    columns = {column.name: column for column in model._meta.concrete_fields}
    column = columns.get(field.source)
    types = _AS_THEY_ARE.get(type(field).to_representation, ())
    return column if column and not is_formatted and column.get_internal_type() in types else None


@cache
def shape_of(serializer_class: type[serializers.Serializer[Any]]) -> Shape:
    return Shape(serializer_class)


@cache
def _validator(serializer_class: type[serializers.Serializer[Any]], *, partial: bool) -> Any:
    """Return a cached serializer, because creating one inspects the whole model."""
    return serializer_class(partial=partial)


def validated(
    serializer_class: type[serializers.Serializer[Any]], data: Any, *, partial: bool = False
) -> dict[str, Any]:
    """Return the validated values in ``data``; raise ``ValidationError`` if any is invalid."""
    values: dict[str, Any] = _validator(serializer_class, partial=partial).run_validation(data)
    return values
