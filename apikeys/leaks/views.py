"""``/v1/leaked-keys`` and GitHub's secret scanning: no key is needed to report one."""

from __future__ import annotations

import json

from django.conf import settings
from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from rest_framework.exceptions import ParseError
from rest_framework.request import Request

from apikeys.auth.requests import client_ip
from apikeys.core import keyformat
from apikeys.leaks import github, handling
from apikeys.leaks import operations as described
from apikeys.leaks.serializers import LeakedKeysSerializer
from wizchat.api import catalogue
from wizchat.api.errors import RETRY_AFTER, APIError
from wizchat.api.responses import json_response, without_surrogates
from wizchat.api.views import OpenEndpoint


class OpenView(OpenEndpoint):
    """An open endpoint that takes only POST."""

    http_method_names = ["post"]


class LeakedKeys(OpenView):
    operations = described.LEAKED_KEYS

    @sensitive_variables("texts", "serializer")
    def post(self, request: Request) -> HttpResponse:
        ip = client_ip(request.META)
        serializer = LeakedKeysSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        handling.count_report(ip)
        texts = serializer.validated_data["keys"]
        handling.report(texts, now=timezone.now(), ip=str(ip or ""), where="Reported through the API")
        return json_response({"received": len(texts)}, 202)


class GitHubSecretScanning(OpenView):
    operations = described.GITHUB

    @sensitive_variables("body", "found", "proved", "raws")
    def post(self, request: Request) -> HttpResponse:
        body = self.signed_body(request)
        found = matches(body)
        raws = {match["token"] for match in found if is_key(match["token"])}
        proved = handling.genuine(sorted(raws))
        now, ip = timezone.now(), str(client_ip(request.META) or "")
        for match in found:
            key = proved.get(match["token"])
            if key is not None:
                handling.act(key, now=now, ip=ip, where=where(match))
        return json_response([labelled(match, match["token"] in proved) for match in found])

    def signed_body(self, request: Request) -> bytes:
        """Return the raw body; raise ``APIError`` unless GitHub has signed it."""
        identifier = request.headers.get("Github-Public-Key-Identifier", "")
        signature = request.headers.get("Github-Public-Key-Signature", "")
        body = request._request.body
        if len(body) > settings.API_MAX_BODY_BYTES:
            raise APIError(catalogue.PAYLOAD_TOO_LARGE)
        try:
            github.verify(body, identifier=identifier, signature=signature)
        except github.NotSigned as error:
            raise APIError(catalogue.INVALID_SIGNATURE) from error
        except github.KeysUnavailable as error:
            raise APIError(catalogue.UNAVAILABLE, headers={"Retry-After": RETRY_AFTER}) from error
        return body


def matches(body: bytes) -> list[dict[str, str]]:
    """Return GitHub's list of tokens; raise ``ParseError`` if it isn't one that a response can repeat."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ParseError("The request body is not valid JSON") from error
    fields = ("token", "type", "url", "source")
    if not isinstance(found, list) or not all(isinstance(match, dict) for match in found):
        raise ParseError("The request body must be a list of objects")
    for match in found:
        if not all(is_text(match.get(field) or "") for field in fields):
            raise ParseError("The fields of each object must be text")
    return [{field: match.get(field) or "" for field in fields} for match in found]


def is_text(value: object) -> bool:
    """Return whether ``value`` is text without lone surrogates."""
    return isinstance(value, str) and without_surrogates(value) == value


def is_key(token: str) -> bool:
    try:
        keyformat.parse(token)
    except keyformat.Malformed:
        return False
    return True


def where(match: dict[str, str]) -> str:
    """Return where GitHub found a token, such as "Found by GitHub (commit): https://…"."""
    source = f" ({match['source']})" if match["source"] else ""
    url = f": {match['url']}" if match["url"] else ""
    return f"Found by GitHub{source}{url}"


def labelled(match: dict[str, str], is_ours: bool) -> dict[str, str]:
    label = "true_positive" if is_ours else "false_positive"
    return {"token_raw": match["token"], "token_type": match["type"], "label": label}
