from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.utils import timezone

from chatbots.models import Chatbot
from testing.keys import secret_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def make(owner):
    """Create chatbots, groups of ``alike`` with the same time; their names tell the age."""

    def make(number, alike=1):
        now = timezone.now()
        Chatbot.objects.bulk_create(
            Chatbot(owner=owner, name=f"{n}", created_at=now - timedelta(seconds=n // alike))
            for n in range(number)
        )
        return [str(pk) for pk in Chatbot.objects.order_by("-created_at", "-id").values_list("pk", flat=True)]

    return make


@pytest.fixture
def page(issue, call):
    _key, raw = issue()

    def page(link):
        parts = urlsplit(link)
        response = call(raw, path=f"{parts.path}?{parts.query}")
        assert response.status_code == 200
        return response.json()

    return page


def ids(page):
    return [row["id"] for row in page["results"]]


@pytest.mark.parametrize(("number", "alike"), [(0, 1), (1, 1), (9, 1), (10, 1), (10, 4), (10, 100)])
def test_every_row_is_on_one_page_forward_and_back(make, page, number, alike):
    expected = make(number, alike)
    walk = [page("/v1/chatbots?page_size=3")]
    assert walk[0]["previous"] is None

    while walk[-1]["next"]:
        walk.append(page(walk[-1]["next"]))
    assert [row for step in walk for row in ids(step)] == expected

    back = walk[-1]
    for earlier in reversed(walk[:-1]):
        back = page(back["previous"])
        assert ids(back) == ids(earlier)
    assert back["previous"] is None


def test_a_row_added_between_requests_shifts_nothing(make, page, owner):
    expected = make(6)
    first = page("/v1/chatbots?page_size=3")

    Chatbot.objects.create(owner=owner, name="new")

    second = page(first["next"])
    assert ids(second) == expected[3:]
    assert len(ids(page(second["previous"]))) == 3


@pytest.mark.parametrize(
    ("size", "rows"),
    [("", 50), ("?page_size=2", 2), ("?page_size=201", 200), ("?page_size=" + "9" * 500, 200)],
)
def test_a_page_has_fifty_rows_or_as_many_as_asked_up_to_two_hundred(make, page, size, rows):
    make(202)

    assert len(ids(page(f"/v1/chatbots{size}"))) == rows


@pytest.mark.parametrize("size", ["0", "00", "-1", "x", "", "١", "1.5", "1e2", " 1"])
def test_a_page_size_that_is_not_a_whole_number_is_a_clear_error(issue, call, size):
    _key, raw = issue()

    response = call(raw, path=f"/v1/chatbots?page_size={size}")

    assert response.status_code == 400
    assert list(response.json()["error"]["fields"]) == ["page_size"]


def encoded(text):
    return urlsafe_b64encode(text.encode()).decode()


UUID = "0" * 32


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "%00",
        "é",
        "A" * 5000,
        "%FF",
        encoded("p=2026-01-01"),
        encoded(f"o1.{UUID}x"),
        encoded(f"x1.{UUID}"),
        encoded(f"o-1.{UUID}"),
        encoded(f"o١.{UUID}"),
        encoded("o1." + "g" * 32),
        encoded(f"o{'9' * 18}.{UUID}"),
    ],
)
def test_a_cursor_that_we_never_issued_is_a_clear_error(issue, call, cursor):
    _key, raw = issue()

    response = call(raw, path=f"/v1/chatbots?cursor={cursor}")

    assert response.status_code == 400
    assert list(response.json()["error"]["fields"]) == ["cursor"]


@pytest.mark.parametrize("microseconds", ["0", "9" * 17])
def test_a_forged_cursor_is_just_a_place_in_the_callers_own_list(page, microseconds):
    assert page(f"/v1/chatbots?cursor={encoded(f'o{microseconds}.{UUID}')}")["results"] == []


def test_links_repeat_nothing_that_a_client_put_in_the_query(issue, call, make):
    _key, raw = issue()
    make(2)

    page = call(raw, path=f"/v1/chatbots?page_size=1&api_key={raw}&x=<script>").json()

    assert secret_of(raw) not in json.dumps(page)
    assert "<script" not in json.dumps(page)
    assert page["next"].startswith("https://testserver/v1/chatbots?")
    assert page["next"].endswith("&page_size=1")
