"""API keys, their rotations, events and usage, and the emails about them."""

from apikeys.models.changes import KeyEnded, RotationSetsExpiry
from apikeys.models.choices import (
    DEFAULT_LIFETIME,
    DEFAULT_OVERLAP,
    EXPIRES_SOON,
    IDLE_AFTER,
    LONGEST_LIFETIME,
    LONGEST_OVERLAP,
    PERMISSION_NAMES,
    KeyState,
    Permission,
)
from apikeys.models.delegation import Escalation
from apikeys.models.events import KeyEvent, Origin, event_recorded
from apikeys.models.issuing import AlreadyIssued, APIKeyQuerySet
from apikeys.models.keys import APIKey
from apikeys.models.notices import Notice, NoticeChoices
from apikeys.models.rotations import Rotation, RotationOver
from apikeys.models.successors import AlreadyRotated, earliest
from apikeys.models.usage import USAGE_KEPT, KeyUsage

__all__ = [
    "DEFAULT_LIFETIME",
    "DEFAULT_OVERLAP",
    "EXPIRES_SOON",
    "IDLE_AFTER",
    "LONGEST_LIFETIME",
    "LONGEST_OVERLAP",
    "PERMISSION_NAMES",
    "USAGE_KEPT",
    "APIKey",
    "APIKeyQuerySet",
    "AlreadyIssued",
    "AlreadyRotated",
    "Escalation",
    "KeyEnded",
    "KeyEvent",
    "KeyState",
    "KeyUsage",
    "Notice",
    "NoticeChoices",
    "Origin",
    "Permission",
    "Rotation",
    "RotationOver",
    "RotationSetsExpiry",
    "earliest",
    "event_recorded",
]
