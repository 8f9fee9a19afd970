from __future__ import annotations

import pytest

from apikeys.models import Permission
from testing.fixtures import error, outcome

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("granted", "allowed"),
    [
        (Permission.READ, {"GET": True, "HEAD": True, "POST": False}),
        (Permission.WRITE, {"GET": False, "HEAD": False, "POST": False}),
        (Permission.READ | Permission.WRITE, {"GET": True, "HEAD": True, "POST": False}),
        (Permission.ADMIN, {"GET": True, "HEAD": True, "POST": True}),
    ],
)
def test_admin_grants_everything_and_the_others_imply_nothing(issue, call, granted, allowed):
    _key, raw = issue(permissions=granted)

    answers = {method: call(raw, method, body={"name": "Bot"}).status_code != 403 for method in allowed}

    assert answers == allowed


@pytest.mark.parametrize(
    ("granted", "method", "lacking"), [(Permission.WRITE, "GET", "read"), (Permission.READ, "POST", "admin")]
)
def test_a_missing_permission_is_named(issue, call, granted, method, lacking):
    _key, raw = issue(permissions=granted)

    response = call(raw, method)

    assert outcome(response) == error(403, "FORBIDDEN", f'This API key lacks the "{lacking}" permission')
    assert response["WWW-Authenticate"] == (
        f'Bearer realm="WizChat", error="insufficient_scope", scope="{lacking}"'
    )


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_an_undeclared_method_is_refused(issue, call, method):
    _key, raw = issue()

    assert outcome(call(raw, method)) == error(405, "METHOD_NOT_ALLOWED", "Method not allowed")
    assert call(None, method).status_code == 401


def test_names_and_bits_are_equivalent():
    assert Permission.of(["read", "admin"]).names == ["read", "admin"]
    with pytest.raises(KeyError):
        Permission.of(["root"])
