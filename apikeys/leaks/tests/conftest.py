"""Our own GitHub: a real key pair, its public keys in a file, and signed reports."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.utils import timezone

from apikeys.leaks import github
from apikeys.models import KeyEvent

REPORT = "/v1/leaked-keys"
GITHUB = "/v1/github/secret-scanning"


class GitHub:
    def __init__(self, folder):
        self.document = folder / "keys.json"
        self.pairs = {}
        self.add("first")

    def add(self, identifier, curve=None):
        self.pairs[identifier] = ec.generate_private_key(curve or ec.SECP256R1())
        self.publish()

    def publish(self):
        keys = [
            {
                "key_identifier": identifier,
                "key": pair.public_key()
                .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
                .decode(),
                "is_current": True,
            }
            for identifier, pair in self.pairs.items()
        ]
        self.document.write_text(json.dumps({"public_keys": keys}))

    def sign(self, body, identifier="first", pair=None):
        signature = (pair or self.pairs[identifier]).sign(body, ec.ECDSA(SHA256()))
        return {
            "HTTP_GITHUB_PUBLIC_KEY_IDENTIFIER": identifier,
            "HTTP_GITHUB_PUBLIC_KEY_SIGNATURE": base64.b64encode(signature).decode(),
        }


@pytest.fixture(autouse=True)
def github_service(tmp_path, settings):
    service = GitHub(tmp_path)
    settings.GITHUB_KEYS_URL = service.document.as_uri()
    github.PUBLIC_KEYS.forget()
    yield service
    github.PUBLIC_KEYS.forget()


@pytest.fixture
def from_github(call, github_service):
    """Send tokens as GitHub does, signed unless ``headers`` are given."""

    def send(*tokens, headers=None, **fields):
        found = [
            {"token": token, "type": "wizchat_api_key", "url": "", "source": "commit"} | fields
            for token in tokens
        ]
        body = json.dumps(found).encode()
        return call(None, "POST", GITHUB, body, **(github_service.sign(body) if headers is None else headers))

    return send


@pytest.fixture(params=["page", "endpoint", "github"])
def report(request, client, call, from_github):
    """Report keys in each of the three ways and return the response."""
    match request.param:
        case "page":
            return lambda *raws: client.post("/report-key/", {"leaked_key": "\n".join(raws)}, secure=True)
        case "endpoint":
            return lambda *raws: call(None, "POST", REPORT, {"keys": list(raws)})
        case "github":
            return from_github


@pytest.fixture
def events():
    def of(key):
        return [
            (event.action, event.actor_kind, event.detail)
            for event in KeyEvent.objects.filter(key=key).order_by("id")
            if event.action != KeyEvent.Action.CREATED
        ]

    return of


@pytest.fixture
def yesterday():
    return timezone.now() - timedelta(days=1)
