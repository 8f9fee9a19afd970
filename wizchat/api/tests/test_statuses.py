"""Each operation can return each error that the OpenAPI document lists for it.

Every test checks the other direction: the ``call`` fixture fails for a response that isn't listed.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError
from gunicorn.http import errors as gunicorn_errors

from apikeys.core.rates import Rate
from apikeys.leaks import handling
from apikeys.models import Permission
from testing import contract
from wizchat.api import catalogue
from wizchat.api.views import Endpoint
from wizchat.gunicorn.responses import error_for

FROM_THE_SERVER = {
    catalogue.INVALID_HTTP: gunicorn_errors.InvalidRequestLine("GET"),
    catalogue.URI_TOO_LONG: gunicorn_errors.LimitRequestLine(8191, 8190),
    catalogue.HEADERS_TOO_LARGE: gunicorn_errors.LimitRequestHeaders("too many"),
}
"""The errors that gunicorn returns before there is an operation; test_server.py tests them."""
BROADER = {
    "createKey": {"name": "Broader", "permissions": ["read"], "allowed_ips": []},
    "updateKey": {"permissions": ["admin"]},
}


def documented():
    """Return each error of each operation: its id, the status and the body of the error."""
    return [
        pytest.param(operation, error, id=f"{operation['operationId']}-{error.status}-{error.message}")
        for operation in contract.operations().values()
        for error in errors_in(operation)
    ]


def errors_in(operation):
    bodies = [
        (int(status), example["value"]["error"])
        for status, response in operation["responses"].items()
        if int(status) >= 400
        for example in response["content"]["application/json"]["examples"].values()
    ]
    by_message = {(error.status, error.code, error.message): error for error in catalogue.ERRORS}
    return [by_message[status, body["code"], body["message"]] for status, body in bodies]


def test_every_error_of_the_catalogue_is_one_that_an_operation_can_return():
    listed = {error for operation in contract.operations().values() for error in errors_in(operation)}

    # An operation is a method that the endpoint supports, so none lists 405.
    assert set(catalogue.ERRORS) - listed == {catalogue.METHOD_NOT_ALLOWED}


class Provoke:
    """Makes one operation return each error; each method has the name of the error's constant."""

    def __init__(self, operation, ask, scene, settings, monkeypatch):
        self.id, self.ask, self.scene = operation["operationId"], ask, scene
        self.needed = operation["x-required-permission"]
        self.settings, self.monkeypatch = settings, monkeypatch

    def key(self, *args, **values):
        return self.scene.issue(*args, **values)[1]

    def send(self, raw=None, **options):
        return self.ask(self.id, raw or self.key(), **options)

    def fail(self, error):
        def initial(*args, **kwargs):
            raise error

        self.monkeypatch.setattr(Endpoint, "initial", initial)
        return self.send()

    def invalid_request(self):
        return self.send(HTTP_HOST="elsewhere.example")

    def key_required(self):
        return self.ask(self.id, None)

    def invalid_key(self):
        return self.send("wrong")

    def key_revoked(self):
        key, raw = self.scene.issue()
        key.revoke(by=None, now=self.scene.now)
        return self.send(raw)

    def key_expired(self):
        return self.send(self.key(expires_at=self.scene.now - timedelta(seconds=1)))

    def ip_not_allowed(self):
        return self.send(self.key(allowed_networks="192.0.2.1"))

    def lacks_permission(self):
        return self.send(self.key(Permission.of({"read", "write"} - {self.needed})))

    def escalation(self):
        return self.send(self.key(**self.scene.restricted), body=BROADER.get(self.id))

    def https_required(self):
        self.settings.HTTPS_ONLY = True
        return self.send(secure=False)

    def invalid_signature(self):
        return self.send()

    def not_found(self):
        return self.send(missing=True)

    def chatbot_inactive(self):
        self.scene.chatbot.change(now=self.scene.now, is_active=False)
        return self.send()

    def key_ended(self):
        self.scene.key.revoke(by=None, now=self.scene.now)
        return self.send()

    def already_rotated(self):
        assert self.send().status_code == 201
        return self.send()

    def already_created(self):
        raw = self.key()
        assert self.send(raw, HTTP_IDEMPOTENCY_KEY="once").status_code == 201
        return self.send(raw, HTTP_IDEMPOTENCY_KEY="once")

    def length_required(self):
        return self.send(HTTP_TRANSFER_ENCODING="chunked")

    def payload_too_large(self):
        return self.send(body=b" " * (self.settings.API_MAX_BODY_BYTES + 1))

    def unsupported_media_type(self):
        return self.send(content_type="text/plain")

    def rate_limited(self):
        self.settings.RATE_LIMIT = Rate(1, 60)
        raw = self.key()
        assert self.ask("getCurrentKey", raw).status_code == 200
        return self.send(raw)

    def too_many_failures(self):
        self.settings.AUTH_FAILURES_PER_MINUTE = 1
        assert self.invalid_key().status_code == 401
        return self.invalid_key()

    def too_many_reports(self):
        self.monkeypatch.setattr(handling, "REPORTS_PER_HOUR", 1)
        assert self.send().status_code == 202
        return self.send()

    def internal_error(self):
        return self.fail(ZeroDivisionError())

    def unavailable(self):
        return self.fail(OperationalError())


@pytest.mark.parametrize(("operation", "error"), documented())
def test_an_operation_returns_each_error_that_is_listed(operation, error, ask, scene, settings, monkeypatch):
    if error in FROM_THE_SERVER:
        assert error_for(FROM_THE_SERVER[error]) == error
        return
    if error is catalogue.REQUEST_TIMEOUT:
        return  # test_attacks.py tests it
    (name,) = (name for name, value in vars(catalogue).items() if value is error)
    provoke = Provoke(operation, ask, scene, settings, monkeypatch)

    response = getattr(provoke, name.lower())()

    body = response.json()["error"]
    message = error.message.replace("write", provoke.needed or "")
    assert (response.status_code, body["code"], body["message"]) == (error.status, error.code, message)


@pytest.mark.parametrize("operation_id", [one["operationId"] for one in contract.operations().values()])
def test_an_example_request_succeeds(operation_id, ask, scene):
    response = ask(operation_id, scene.issue()[1])

    # Only GitHub can sign its reports.
    assert response.status_code == (403 if operation_id == "reportFromGitHub" else success(operation_id))


def success(operation_id):
    (operation,) = (one for one in contract.operations().values() if one["operationId"] == operation_id)
    return min(int(status) for status in operation["responses"])
