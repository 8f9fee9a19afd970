"""Probes: under any host name, over plain HTTP, without details."""

import pytest
from django.core.cache import BaseCache
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from wizchat.observability import health

client = Client(raise_request_exception=False)


class ForgetfulCache(BaseCache):
    """Accepts everything and stores nothing."""

    def __init__(self, location, params):
        super().__init__(params)

    def get(self, key, default=None, version=None):
        return default

    def set(self, *args, **options):
        pass


def test_the_process_is_alive_whatever_else_is_not(monkeypatch):
    monkeypatch.setattr(health, "CHECKS", {})

    response = client.get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert response["Cache-Control"] == "no-store"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_probe_needs_no_host_name_and_no_https(path, settings):
    settings.HTTPS_ONLY = settings.SECURE_SSL_REDIRECT = True

    assert client.get(path, headers={"host": "10.1.2.3:8000"}).status_code == 200
    assert client.head(path, headers={"host": "\t"}).status_code == 200


@pytest.mark.django_db
def test_ready_when_database_cache_and_tables_are_there():
    response = client.get("/readyz")

    checks = {"database": "ok", "cache": "ok", "migrations": "ok"}
    assert (response.status_code, response.json()) == (200, {"status": "ok", "checks": checks})


@pytest.mark.django_db
def test_not_ready_while_a_migration_is_not_applied():
    name = max(connection.introspection and MigrationRecorder(connection).applied_migrations())
    MigrationRecorder.Migration.objects.filter(app=name[0], name=name[1]).delete()

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["checks"] == {"database": "ok", "cache": "ok", "migrations": "unavailable"}


@pytest.mark.django_db
def test_not_ready_while_the_cache_stores_nothing(settings):
    settings.CACHES = settings.CACHES | {"default": {"BACKEND": f"{__name__}.ForgetfulCache", "LOCATION": ""}}

    assert client.get("/readyz").json()["checks"]["cache"] == "unavailable"


@pytest.mark.django_db
def test_a_drivers_message_is_only_in_the_log(monkeypatch, caplog):
    def fail():
        raise OperationalError("password authentication failed for user wizard at 10.9.8.7")

    monkeypatch.setitem(health.CHECKS, "database", fail)

    response = client.get("/readyz")

    assert response.status_code == 503
    assert "10.9.8.7" not in response.text
    assert "10.9.8.7" in caplog.text


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_a_probe_is_read_only(path):
    response = client.post(path)

    assert response.status_code == 405
    assert response["Allow"] == "GET, HEAD"
