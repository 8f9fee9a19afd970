"""An endpoint is a serializer and a queryset, and sends what DRF's serializer would have sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import ModuleType
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, models
from django.db.models.sql.compiler import SQLCompiler
from django.test import Client, RequestFactory
from django.test.utils import isolate_apps
from django.urls import path
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from apikeys.models import Permission
from chatbots.models import Chatbot, FAQEntry, Query
from chatbots.serializers import ChatbotSerializer, FAQEntrySerializer, QuerySerializer
from testing.driver import round_trips
from wizchat.api.pagination import NewestFirst
from wizchat.api.responses import json_response
from wizchat.api.serializers import StrictSerializer, shape_of, validated
from wizchat.api.views import Endpoint, listing_of
from wizchat.statements import Parameter

# Neither lone surrogates nor NUL can be stored.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
TIMES = st.datetimes(
    datetime(1, 1, 2),  # noqa: DTZ001  # Hypothesis adds the zone
    datetime(9999, 12, 30),  # noqa: DTZ001  # the same
    timezones=st.sampled_from([UTC, ZoneInfo("UTC")]),
) | st.just(datetime(2026, 1, 1, tzinfo=UTC))


with isolate_apps("chatbots"):  # so that no other test finds a model without a table

    class Measurement(models.Model):
        """A column of each type that an endpoint may show."""

        id = models.BigIntegerField(primary_key=True)
        key = models.UUIDField()
        note = models.TextField(null=True)  # noqa: DJ001  # a null is shown, wherever it comes from
        ends_at = models.DateTimeField(null=True)
        created_at = models.DateTimeField()
        is_on = models.BooleanField(null=True)
        previous = models.ForeignKey("self", models.CASCADE, null=True)

        class Meta:
            app_label = "chatbots"
            managed = False

        def __str__(self):
            return str(self.pk)


class MeasurementSerializer(StrictSerializer[Measurement]):
    class Meta:
        model = Measurement
        fields = ["id", "key", "note", "ends_at", "created_at", "is_on", "previous"]
        read_only_fields = fields


class MeasurementList(Endpoint[Measurement]):
    """All the code that a new list needs."""

    required_permissions = {"GET": Permission.READ}
    serializer_class = MeasurementSerializer
    queryset = Measurement.objects.filter(id__gte=Parameter("least", Measurement._meta.pk))

    get = Endpoint.list

    def parameters(self):
        return {"least": -(2**63)}


@pytest.fixture
def table(db):
    with connection.cursor() as cursor:
        kinds = {"sqlite": ("char(32)", "datetime", "bool"), "postgresql": ("uuid", "timestamptz", "boolean")}
        uuid, time, boolean = kinds[connection.vendor]
        cursor.execute(
            f"CREATE TEMPORARY TABLE chatbots_measurement (id bigint PRIMARY KEY, key {uuid}, note text, "
            f"ends_at {time}, created_at {time}, is_on {boolean}, previous_id bigint)"
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE chatbots_measurement")


MEASUREMENTS = st.builds(
    Measurement,
    id=st.integers(-(2**63), 2**63 - 1),
    key=st.uuids(),
    note=st.none() | TEXT,
    ends_at=st.none() | TIMES,
    created_at=TIMES,
    is_on=st.none() | st.booleans(),
    previous_id=st.none() | st.integers(-(2**63), 2**63 - 1),
)


@given(row=MEASUREMENTS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.usefixtures("table")
def test_a_row_is_what_drf_would_have_sent(row):
    Measurement.objects.all().delete()
    Measurement.objects.bulk_create([row])
    listing = listing_of(MeasurementList)

    (found,) = listing.fetch(None, 2, least=-(2**63))
    stored = Measurement.objects.get()

    expected = json.loads(JSONRenderer().render(MeasurementSerializer(stored).data))
    assert json.loads(json_response(listing.shape.of_row(found)).content) == expected
    assert json.loads(json_response(shape_of(MeasurementSerializer).of(stored)).content) == expected


@pytest.fixture
def get(issue):
    """Request a page of measurements with a key."""
    _, raw = issue()

    def get(query=""):
        headers = {"Authorization": f"Bearer {raw}"}
        response = MeasurementList.as_view()(
            RequestFactory().get(f"/v1/measurements{query}", headers=headers)
        )
        return response, json.loads(response.content)

    return get


@pytest.fixture
def rows(table):
    return Measurement.objects.bulk_create(
        Measurement(id=number, key=UUID(int=number), created_at=datetime(2026, 1, 1 + number, tzinfo=UTC))
        for number in range(5)
    )


@pytest.mark.usefixtures("rows")
def test_a_new_list_is_paginated_without_extra_code(get, monkeypatch):
    monkeypatch.setattr(NewestFirst, "id_pattern", "[0-9]+")

    response, first = get("?page_size=2")
    _, second = get("?" + urlsplit(first["next"]).query)
    _, back = get("?" + urlsplit(second["previous"]).query)

    assert response.headers["Allow"] == "GET, HEAD"
    assert [row["id"] for row in first["results"]] == [4, 3]
    assert [row["id"] for row in second["results"]] == [2, 1]
    assert back["results"] == first["results"]
    assert first["results"][0]["created_at"] == "2026-01-05T00:00:00Z"


@pytest.mark.usefixtures("rows")
def test_a_new_list_takes_one_statement_and_makes_no_object(get, monkeypatch):
    for _ in range(4):
        get()  # so that the cost of first uses isn't counted
    made = []
    monkeypatch.setattr(Measurement, "from_db", classmethod(lambda cls, *_: made.append(cls)))
    monkeypatch.setattr(MeasurementSerializer, "__init__", lambda self: made.append(self))
    monkeypatch.setattr(SQLCompiler, "as_sql", lambda self, **_: made.append(self))

    with round_trips(connection) as seen:
        _, page = get()

    assert len(page["results"]) == 5
    assert not made
    assert len(seen) == 2, seen  # the key, the rows


@pytest.mark.parametrize("serializer", [ChatbotSerializer, QuerySerializer, FAQEntrySerializer])
def test_the_endpoints_of_chatbots_send_what_drf_would_have(chatbots, serializer):
    instance = chatbots[serializer.Meta.model]

    sent = json.loads(json_response(shape_of(serializer).of(instance)).content)

    assert sent == json.loads(JSONRenderer().render(serializer(instance).data))


@pytest.fixture
def chatbots(owner):
    chatbot = owner.chatbots.create(name="Support")
    return {
        Chatbot: chatbot,
        Query: chatbot.queries.create(message="Hello?", answer="Hello!"),
        FAQEntry: chatbot.learn("Why?", "Because."),
    }


@pytest.mark.parametrize(
    "field",
    [
        serializers.SerializerMethodField(),
        serializers.DateTimeField(source="created_at", format="%Y"),
        serializers.UUIDField(source="id", format="hex"),
        serializers.CharField(source="owner.username"),
        serializers.CharField(source="is_active"),
    ],
    ids=["method", "time in a format", "UUID in a format", "of another table", "of another type"],
)
def test_a_field_that_is_more_than_a_column_is_refused_when_the_endpoint_is_first_used(field):
    class Computed(serializers.ModelSerializer):
        extra = field

        class Meta:
            model = Chatbot
            fields = ["extra"]

    with pytest.raises(TypeError, match="extra is more than a column"):
        shape_of(Computed)


def test_bodies_that_are_validated_by_one_serializer_do_not_mix():
    assert validated(ChatbotSerializer, {"name": "One", "description": "x"})["description"] == "x"
    assert validated(ChatbotSerializer, {"name": "Two"}) == {"name": "Two"}
    assert validated(ChatbotSerializer, {}, partial=True) == {}
    with pytest.raises(serializers.ValidationError):
        validated(ChatbotSerializer, {})


@pytest.mark.django_db
@pytest.mark.parametrize(("accept", "status"), [("*/*", 200), ("text/html", 200), (None, 401)])
def test_a_plain_view_of_drf_starts_closed_and_responds_in_json(issue, settings, accept, status):
    class Plain(APIView):
        required_permissions = {"GET": Permission.READ}

        def get(self, request):
            return Response({"owner": request.user.pk})

    key, raw = issue(Permission.READ)
    headers = {"HTTP_ACCEPT": accept, "HTTP_AUTHORIZATION": f"Bearer {raw}"} if accept else {}

    address = "v1/" + "plain" * 13  # too long for its view to be remembered after this test
    settings.ROOT_URLCONF = urls = ModuleType("urls")
    urls.urlpatterns = [path(address, Plain.as_view())]

    response = Client().get(f"/{address}", **headers)

    assert response.status_code == status
    assert response["Content-Type"] == "application/json"
    if status == 200:
        assert response.json() == {"owner": key.owner_id}
