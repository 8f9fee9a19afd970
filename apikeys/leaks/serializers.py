"""The bodies of reports and of the responses to them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apikeys.leaks.handling import KEYS_PER_REPORT
from wizchat.api.serializers import NoUnknownFields, StrictCharField


class LeakedKeysSerializer(NoUnknownFields, serializers.Serializer[Any]):
    keys = serializers.ListField(
        child=StrictCharField(allow_blank=True, trim_whitespace=False),
        min_length=1,
        max_length=KEYS_PER_REPORT,
        help_text="Keys, or text that contains keys.",
    )


class ReceivedSerializer(serializers.Serializer[Any]):
    received = serializers.IntegerField(help_text="How many strings the report had.")


class MatchSerializer(serializers.Serializer[Any]):
    """What GitHub found. Other fields are ignored, because GitHub adds to them."""

    token = serializers.CharField(help_text="What looks like a key.")
    type = serializers.CharField(required=False, help_text="GitHub's name for this type of token.")
    url = serializers.CharField(required=False, help_text="Where it was found.")
    source = serializers.CharField(required=False, help_text="The kind of source, such as commit.")  # type: ignore[assignment]  # GitHub's name; Field has one of its own


class LabelSerializer(serializers.Serializer[Any]):
    token_raw = serializers.CharField(help_text="The token as it was sent.")
    token_type = serializers.CharField(help_text="The type as it was sent.")
    label = serializers.ChoiceField(  # type: ignore[assignment]  # GitHub's name; Field has one of its own
        ["true_positive", "false_positive"],
        help_text="A true positive is a WizChat key, even if it's revoked or expired.",
    )
