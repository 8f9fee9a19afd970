"""The key endpoints, as the API reference describes them."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter

from apikeys.api import idempotency, queries
from apikeys.api.serializers import (
    WHOLE_ID_PATTERN,
    CallerSerializer,
    ChangeSerializer,
    CreateSerializer,
    KeySerializer,
    NewKeySerializer,
    RotateSerializer,
    UsageSerializer,
)
from apikeys.core.outcomes import COUNTED, Outcome
from apikeys.core.times import length
from apikeys.models import KeyState
from wizchat.api import catalogue
from wizchat.api.operations import PAGES, Operation, page

TAG = "API keys"

KEY_ID = OpenApiParameter(
    "key_id",
    {"type": "string", "pattern": WHOLE_ID_PATTERN},
    OpenApiParameter.PATH,
    description="The id of the key.",
)
IDEMPOTENCY_KEY = OpenApiParameter(
    idempotency.HEADER,
    {"type": "string", "minLength": 1, "maxLength": idempotency.MAX_LENGTH, "pattern": "^[ -~]+$"},
    OpenApiParameter.HEADER,
    description=f"Send the same value when you retry: within {length(idempotency.REMEMBERED)}, "
    "it creates only one key.",
)
STATE = OpenApiParameter(
    "state",
    {"type": "string", "enum": [state.value for state in KeyState]},
    description="Return only keys in this state.",
)
DAYS = OpenApiParameter(
    "days",
    {"type": "integer", "minimum": 1, "maximum": queries.MAX_DAYS, "default": queries.DEFAULT_DAYS},
    description="How many days to return, including today.",
)
CASCADE = OpenApiParameter(
    "cascade",
    {"type": "boolean", "default": False},
    description="Also revoke the keys that it created or that replaced it, and all keys created from those.",
)

EXAMPLE_KEY = "wzc_8f14e45fceeb_ThisIsAnExampleItOpensNothingAtAllAnywhere0000000"
"""It only looks like a key: its checksum is wrong, so no scanner takes it for a real one."""
_CALLER_ID, _NEW_ID = "4fT9kQ2mXw7b", EXAMPLE_KEY.split("_")[1]
_KEY = {
    "id": _CALLER_ID,
    "name": "Production API",
    "permissions": ["read", "write", "admin"],
    "allowed_ips": ["203.0.113.7"],
    "state": "active",
    "created_at": "2026-11-02T09:30:00.123456Z",
    "expires_at": "2027-01-31T09:30:00.123456Z",
    "revoked_at": None,
    "last_used_at": "2026-11-24T08:15:30.654321Z",
    "last_used_ip": "203.0.113.7",
    "predecessor": None,
    "successor": None,
    "created_by": "user",
    "created_by_key": None,
}
_MADE = {
    "id": _NEW_ID,
    "created_at": "2026-11-24T08:20:00.987654Z",
    "expires_at": "2027-01-31T09:30:00.123456Z",
    "last_used_at": None,
    "last_used_ip": None,
    "created_by": "key",
    "created_by_key": _CALLER_ID,
    "key": EXAMPLE_KEY,
}
_NEW = {"name": "Analytics Integration", "permissions": ["read"]}
_CHANGE = {"allowed_ips": ["203.0.113.7", "10.0.0.0/8"]}
_ANSWERED, _REFUSED = 1204, 3
_DAY = {
    "date": "2026-11-24",
    "total": _ANSWERED + _REFUSED,
    "outcomes": {outcome.value: 0 for outcome in COUNTED}
    | {Outcome.ANSWERED.value: _ANSWERED, Outcome.ADDRESS.value: _REFUSED},
}

CURRENT_KEY = {
    "GET": Operation(
        "getCurrentKey",
        TAG,
        "Get the key in use",
        "Returns the key you use, and your IP address as WizChat sees it.",
        response=CallerSerializer,
        answer=_KEY | {"client_ip": _KEY["last_used_ip"]},
    ),
    "DELETE": Operation(
        "revokeCurrentKey",
        TAG,
        "Revoke the key in use",
        "Revokes the key you use. This can't be undone.",
        status=204,
    ),
}
KEY_LIST = {
    "GET": Operation(
        "listKeys",
        TAG,
        "List keys",
        "Returns your keys, newest first, including revoked and expired ones.",
        response=KeySerializer(many=True),
        answer=page(_KEY),
        parameters=(STATE, *PAGES),
    ),
    "POST": Operation(
        "createKey",
        TAG,
        "Create a key",
        "Creates a key that can do no more than the key you use. `key` has the whole key, only this once.",
        request=CreateSerializer,
        example=_NEW,
        status=201,
        response=NewKeySerializer,
        answer=_KEY | _MADE | _NEW,
        parameters=(IDEMPOTENCY_KEY,),
        headers=("Location",),
        errors=(catalogue.ESCALATION, catalogue.ALREADY_CREATED),
    ),
}
KEY_DETAIL = {
    "GET": Operation(
        "getKey",
        TAG,
        "Get a key",
        "Returns one key.",
        response=KeySerializer,
        answer=_KEY,
        parameters=(KEY_ID,),
    ),
    "PATCH": Operation(
        "updateKey",
        TAG,
        "Update a key",
        "Changes only the fields in the body. A revoked or expired key can't be changed, nor can the expiry "
        "of a key that is being rotated.",
        request=ChangeSerializer,
        example=_CHANGE,
        response=KeySerializer,
        answer=_KEY | _CHANGE,
        parameters=(KEY_ID,),
        errors=(catalogue.ESCALATION, catalogue.KEY_ENDED),
    ),
    "DELETE": Operation(
        "revokeKey",
        TAG,
        "Revoke a key",
        "Revokes a key immediately. This can't be undone.",
        status=204,
        parameters=(KEY_ID, CASCADE),
    ),
}
KEY_ROTATE = {
    "POST": Operation(
        "rotateKey",
        TAG,
        "Rotate a key",
        "Creates a successor with the same name, permissions, addresses and lifetime. The old key keeps "
        "working for the overlap. `key` has the whole new key, only this once. A key that already has a "
        "successor returns `ALREADY_ROTATED`; any other revoked or expired key, `KEY_ENDED`.",
        request=RotateSerializer,
        example={"overlap_seconds": 86400},
        status=201,
        response=NewKeySerializer,
        answer=_KEY | _MADE | {"predecessor": _CALLER_ID},
        parameters=(KEY_ID, IDEMPOTENCY_KEY),
        headers=("Location",),
        errors=(
            catalogue.ESCALATION,
            catalogue.KEY_ENDED,
            catalogue.ALREADY_ROTATED,
            catalogue.ALREADY_CREATED,
        ),
    )
}
KEY_USAGE = {
    "GET": Operation(
        "getKeyUsage",
        TAG,
        "Get a key's usage",
        "Returns the number of calls by day (UTC) and outcome, oldest day first.",
        response=UsageSerializer,
        answer={"days": [_DAY]},
        parameters=(KEY_ID, DAYS),
    )
}
