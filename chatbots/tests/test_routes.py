"""Every route × method, taken from the resolver, so that tests can't miss a new one."""

from __future__ import annotations

import re
import uuid

import pytest
from django.urls import get_resolver

from apikeys.models import Permission
from chatbots.models import Chatbot, FAQEntry, Query

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]

# The API's contract with its clients.
NEEDED = {
    ("chatbots", "GET"): "read",
    ("chatbots", "POST"): "admin",
    ("chatbots/<id>", "GET"): "read",
    ("chatbots/<id>", "PATCH"): "write",
    ("chatbots/<id>", "DELETE"): "admin",
    ("chatbots/<id>/queries", "GET"): "read",
    ("chatbots/<id>/messages", "POST"): "write",
    ("chatbots/<id>/faqs", "GET"): "read",
    ("chatbots/<id>/faqs", "POST"): "write",
    ("chatbots/<id>/faqs/<id>", "DELETE"): "admin",
}
NEEDED |= {(route, "HEAD"): needed for (route, method), needed in NEEDED.items() if method == "GET"}

BODIES = {
    ("chatbots", "POST"): {"name": "Sales"},
    ("chatbots/<id>", "PATCH"): {"name": "Sales"},
    ("chatbots/<id>/messages", "POST"): {"message": "Hello?"},
    ("chatbots/<id>/faqs", "POST"): {"question": "Why?", "answer": "Because."},
}


def routes():
    """Return every path under /v1/ that has a view, with and without a trailing slash."""
    (api,) = (one for one in get_resolver().url_patterns if getattr(one, "app_name", "") == "v1")
    return [re.sub(r"<id:\w+>", "<id>", str(pattern.pattern)) for pattern in api.url_patterns]


ALLOWED = [
    (route, method) for route in routes() for method in METHODS if (route.strip("/"), method) in NEEDED
]
REFUSED = [
    (route, method) for route in routes() for method in METHODS if (route.strip("/"), method) not in NEEDED
]


@pytest.fixture
def send(call, chatbot):
    """Send a valid request to a route: its ids exist and its body is valid."""

    def send(raw, route, method):
        ids = iter([str(chatbot.pk), str(chatbot.faqs.get().pk)])
        path = "/v1/" + re.sub("<id>", lambda _: next(ids), route)
        return call(raw, method, path, BODIES.get((route.strip("/"), method)))

    return send


def snapshot():
    return [list(model.objects.order_by("pk").values()) for model in (Chatbot, FAQEntry, Query)]


def test_the_routes_are_the_promised_ones_with_and_without_a_slash():
    promised = {route for route, _ in NEEDED}

    assert sorted(routes()) == sorted(promised | {f"{route}/" for route in promised})


@pytest.mark.parametrize(("route", "method"), ALLOWED)
def test_key_with_the_needed_permission_may(issue, send, route, method):
    _, raw = issue(Permission.of([NEEDED[route.strip("/"), method]]))

    assert send(raw, route, method).status_code in {200, 201, 204}


@pytest.mark.parametrize(("route", "method"), ALLOWED)
def test_admin_key_may_do_everything(admin_key, send, route, method):
    assert send(admin_key, route, method).status_code in {200, 201, 204}


@pytest.mark.parametrize(("route", "method"), ALLOWED)
def test_key_with_every_permission_but_the_needed_one_may_not(issue, send, route, method):
    needed = NEEDED[route.strip("/"), method]
    _, raw = issue(Permission.of({"read", "write"} - {needed}))
    before = snapshot()

    response = send(raw, route, method)

    assert response.status_code == 403
    if method != "HEAD":
        message = f'This API key lacks the "{needed}" permission'
        assert response.json() == {"error": {"code": "FORBIDDEN", "message": message}}
    assert snapshot() == before


@pytest.mark.parametrize(("route", "method"), ALLOWED + REFUSED)
def test_every_route_needs_a_key(send, route, method):
    before = snapshot()

    response = send(None, route, method)

    assert response.status_code == 401
    if method != "HEAD":
        assert response.json() == {"error": {"code": "UNAUTHORIZED", "message": "API key required"}}
    assert snapshot() == before


@pytest.mark.parametrize(("route", "method"), REFUSED)
def test_undeclared_method_is_refused_to_every_key(issue, send, route, method):
    _, raw = issue()
    before = snapshot()

    response = send(raw, route, method)

    assert response.status_code == 405
    if method != "HEAD":
        assert response.json()["error"]["code"] == "METHOD_NOT_ALLOWED"
    declared = {allowed for path, allowed in NEEDED if path == route.strip("/")} - {"HEAD"}
    assert set(response.headers["Allow"].split(", ")) - {"HEAD"} == declared
    assert snapshot() == before


@pytest.mark.parametrize(("route", "method"), [case for case in ALLOWED if "<id>" in case[0]])
def test_strangers_chatbot_looks_exactly_like_one_that_does_not_exist(
    call, stranger_key, chatbot, route, method
):
    faq = str(chatbot.faqs.get().pk)
    body = BODIES.get((route.strip("/"), method))
    before = snapshot()

    def send(chatbot_id):
        ids = iter([chatbot_id, faq])
        return call(stranger_key, method, "/v1/" + re.sub("<id>", lambda _: next(ids), route), body)

    theirs, nobodys = send(str(chatbot.pk)), send(str(uuid.uuid4()))

    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.content == nobodys.content
    del theirs.headers["RateLimit"], nobodys.headers["RateLimit"]  # each request is counted
    assert dict(theirs.headers) == dict(nobodys.headers)
    assert snapshot() == before


def test_stranger_sees_none_of_anothers_chatbots(call, stranger_key, chatbot):
    assert call(stranger_key).json() == {"next": None, "previous": None, "results": []}


@pytest.mark.parametrize("path", ["messages", "faqs"])
@pytest.mark.parametrize("body", [{}, {"message": 1}, []])
def test_a_missing_object_is_not_found_before_the_body_is_read(call, admin_key, path, body):
    response = call(admin_key, "POST", f"/v1/chatbots/{uuid.uuid4()}/{path}", body)

    assert (response.status_code, response.json()["error"]["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("body", [{"name": 1}, {"is_active": "yes"}, []])
def test_bad_input_does_not_reveal_whether_a_strangers_chatbot_exists(call, stranger_key, url, body):
    theirs = call(stranger_key, "PATCH", url, body)
    nobodys = call(stranger_key, "PATCH", f"/v1/chatbots/{uuid.uuid4()}", body)

    assert (theirs.status_code, theirs.content) == (nobodys.status_code, nobodys.content)


@pytest.mark.parametrize("faq", ["", "/faqs/nonsense"])
@pytest.mark.parametrize(
    "chatbot_id", ["nonsense", "6F1B2C1E-8F0D-4C5A-9B52-0D6C8E1F7A10", "%00", "x" * 3000]
)
def test_an_impossible_id_needs_a_key_and_is_then_not_found(call, admin_key, chatbot_id, faq):
    path = f"/v1/chatbots/{chatbot_id}{faq}"

    assert call(None, "DELETE", path).status_code == 401
    assert call("wrong", "DELETE", path).status_code == 401
    response = call(admin_key, "DELETE", path)
    assert (response.status_code, response.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert "RateLimit" in response.headers
