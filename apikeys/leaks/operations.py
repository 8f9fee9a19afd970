"""The endpoints for reporting leaked keys, as the API reference describes them."""

from __future__ import annotations

from apikeys.api.operations import EXAMPLE_KEY
from apikeys.leaks.handling import REPORTS_PER_HOUR
from apikeys.leaks.serializers import (
    LabelSerializer,
    LeakedKeysSerializer,
    MatchSerializer,
    ReceivedSerializer,
)
from wizchat.api import catalogue
from wizchat.api.operations import Operation

TAG = "Leaked keys"

_MATCH = {
    "token": EXAMPLE_KEY,
    "type": "wizchat_api_key",
    "url": "https://github.com/octocat/example/blob/main/.env",
    "source": "commit",
}

LEAKED_KEYS = {
    "POST": Operation(
        "reportLeakedKeys",
        TAG,
        "Report leaked keys",
        "Revokes each genuine key that still works and tells its owner. The response is the same for a "
        "genuine key and for any other text. Each IP address can send "
        f"{REPORTS_PER_HOUR} reports an hour.",
        request=LeakedKeysSerializer,
        example={"keys": [EXAMPLE_KEY]},
        status=202,
        response=ReceivedSerializer,
        answer={"received": 1},
        errors=(catalogue.TOO_MANY_REPORTS,),
    )
}
GITHUB = {
    "POST": Operation(
        "reportFromGitHub",
        TAG,
        "Report leaked keys from GitHub",
        "Receives reports from GitHub's secret scanning. GitHub signs the raw body with ECDSA (P-256, "
        "SHA-256) and sends `Github-Public-Key-Identifier` and `Github-Public-Key-Signature`.",
        request=MatchSerializer(many=True),
        example=[_MATCH],
        takes_any_type=True,
        response=LabelSerializer(many=True),
        answer=[
            {"token_raw": _MATCH["token"], "token_type": _MATCH["type"], "label": "false_positive"},
        ],
        errors=(catalogue.INVALID_SIGNATURE,),
    )
}
