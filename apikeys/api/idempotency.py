"""``Idempotency-Key``: a request that is sent twice creates only one key.

The header is stored as the key's form token, which is unique per owner, because a form that is submitted
twice and a request that is retried are the same problem. Only a digest is stored, because clients may put
anything into the header.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from hashlib import sha256

from django.http import HttpRequest
from rest_framework.exceptions import ValidationError

from apikeys.models import APIKey

REMEMBERED = timedelta(hours=24)
HEADER = "Idempotency-Key"
MAX_LENGTH = 255

_PREFIX = "api:"
_VALUE = re.compile(f"[ -~]{{1,{MAX_LENGTH}}}")


def form_token(request: HttpRequest, caller: APIKey) -> str | None:
    """Return the form token for the request's ``Idempotency-Key``, or ``None`` without that header."""
    value = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if value is None:
        return None
    if not _VALUE.fullmatch(value):
        raise ValidationError({HEADER: [f"Must be 1 to {MAX_LENGTH} printable ASCII characters."]})
    return _PREFIX + sha256(f"{caller.key_id} {value}".encode()).hexdigest()[:60]


def forget(moment: datetime, *, form_token: str | None = None) -> int:
    """Forget the form tokens of keys created before ``moment``, or only ``form_token``; return how many."""
    keys = APIKey.objects.filter(form_token__startswith=_PREFIX, created_at__lt=moment)
    if form_token is not None:
        keys = keys.filter(form_token=form_token)
    return keys.update(form_token=None)
