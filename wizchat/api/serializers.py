"""Strict serializers: no type conversions and no unknown fields."""

from __future__ import annotations

from collections.abc import Callable
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

    Read-only fields are ignored, so that a client can send back what it got.
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


@cache
def to_json(serializer_class: type[serializers.BaseSerializer[Any]]) -> Callable[[Any], Any]:
    """Return a function that represents one row. Cached: building a serializer inspects the whole model."""
    return serializer_class().to_representation
