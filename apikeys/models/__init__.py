"""API keys, their rotations, events and usage, and the emails about them."""

from apikeys.models.changes import KeyEnded, RotationSetsExpiry
from apikeys.models.choices import EXPIRES_SOON, LONGEST_LIFETIME, KeyState, Permission
from apikeys.models.delegation import Escalation
from apikeys.models.events import KeyEvent, Origin, event_recorded
from apikeys.models.issuing import AlreadyIssued, APIKeyQuerySet
from apikeys.models.keys import APIKey
from apikeys.models.notices import Notice, NoticeChoices
from apikeys.models.rotations import Rotation, RotationOver
from apikeys.models.successors import AlreadyRotated, earliest
from apikeys.models.usage import USER_AGENT_LENGTH, KeyUsage

__all__ = [
    "EXPIRES_SOON",
    "LONGEST_LIFETIME",
    "USER_AGENT_LENGTH",
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
