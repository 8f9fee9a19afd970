"""The possible outcomes of presenting a key, declared once. Pure: no Django.

Policy, metrics, log reasons, stored usage, pages and documents all take outcomes from here.
"""

from __future__ import annotations

from enum import Enum, StrEnum
from typing import Self

from wizchat.api import catalogue
from wizchat.api.catalogue import Error


class Stage(Enum):
    """How far the request got."""

    NOT_GENUINE = "not genuine"
    """The key proved nothing, or its owner's account is closed: such calls aren't counted for any key."""
    KEPT_OUT = "kept out"
    """The key is genuine, but may not be used: its holder is told why, and it isn't a use of the key."""
    DENIED = "denied"
    """The key was accepted, but not for this request: over its rate limit, or without the permission."""
    SERVED = "served"
    """The request reached its endpoint, whatever the endpoint returned."""


class Outcome(StrEnum):
    """One outcome: its stored value, its ``label`` on pages, its ``stage`` and its ``error``.

    ``is_use`` says whether the call was a use of the key: whether the key was accepted.
    """

    label: str
    stage: Stage
    error: Error | None
    is_use: bool

    def __new__(cls, value: str, label: str, stage: Stage, error: Error | None = None) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = label
        member.stage = stage
        member.error = error
        member.is_use = stage in {Stage.DENIED, Stage.SERVED}
        return member

    ANSWERED = "answered", "Answered", Stage.SERVED
    CLIENT_ERROR = "client_error", "Client error", Stage.SERVED
    SERVER_ERROR = "server_error", "Server error", Stage.SERVED
    RATE_LIMITED = "rate_limited", "Rate limited", Stage.DENIED, catalogue.RATE_LIMITED
    REVOKED = "revoked", "Revoked", Stage.KEPT_OUT, catalogue.KEY_REVOKED
    EXPIRED = "expired", "Expired", Stage.KEPT_OUT, catalogue.KEY_EXPIRED
    ADDRESS = "address", "Address not allowed", Stage.KEPT_OUT, catalogue.IP_NOT_ALLOWED
    PERMISSION = "permission", "Missing permission", Stage.DENIED, catalogue.LACKS_PERMISSION
    PLAIN_HTTP = "plain_http", "Sent over plain HTTP", Stage.NOT_GENUINE, catalogue.HTTPS_REQUIRED
    MALFORMED = "malformed", "Not a key", Stage.NOT_GENUINE, catalogue.INVALID_KEY
    UNKNOWN = "unknown", "Unknown key", Stage.NOT_GENUINE, catalogue.INVALID_KEY
    WRONG_SECRET = "wrong_secret", "Wrong secret", Stage.NOT_GENUINE, catalogue.INVALID_KEY
    INACTIVE_OWNER = "inactive_owner", "Account closed", Stage.NOT_GENUINE, catalogue.INVALID_KEY

    @classmethod
    def stored(cls, value: str) -> Outcome:
        """Return the outcome that is stored as ``value``."""
        return cls._value2member_map_[value]  # type: ignore[return-value]  # typeshed says Enum

    @classmethod
    def of_status(cls, status: int) -> Outcome:
        """Return the outcome for an endpoint's response with ``status``."""
        if status < 400:
            return cls.ANSWERED
        return cls.SERVER_ERROR if status >= 500 else cls.CLIENT_ERROR


COUNTED = tuple(outcome for outcome in Outcome if outcome.stage is not Stage.NOT_GENUINE)
"""Outcomes that are stored for a key, in the order in which pages show them."""
USES = tuple(outcome for outcome in Outcome if outcome.is_use)
REFUSED = tuple(outcome for outcome in Outcome if outcome.stage in {Stage.KEPT_OUT, Stage.DENIED})
"""What pages and the admin call a refused call."""
REASONS = tuple(outcome for outcome in Outcome if outcome.stage is not Stage.SERVED)
"""Why a key can be refused, as logs and metrics name it."""
