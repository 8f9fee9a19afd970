"""A key's plaintext is only in the response that created it."""

from __future__ import annotations

import logging

import pytest
from django.apps import apps
from django.core.management import call_command
from django.utils import timezone

from testing.keys import id_of, secret_of

pytestmark = pytest.mark.django_db


def everything_stored():
    return "\n".join(str(list(model._base_manager.values_list())) for model in apps.get_models())


def test_no_table_and_no_fixture_dump_holds_a_secret(issue, call, owner, capsys):
    old, first = issue()
    call(first)
    _key, second = old.rotate(by=owner, now=timezone.now(), overlap=timezone.timedelta(days=1))
    call(second)

    call_command("dumpdata")
    dump = capsys.readouterr().out

    for raw in (first, second):
        assert id_of(raw) in dump
        assert secret_of(raw) not in dump + everything_stored()


def test_the_key_reaches_no_log_wherever_the_client_put_it(issue, call, caplog):
    _key, raw = issue()
    caplog.set_level(logging.DEBUG)

    call(raw)
    call(raw, "POST", body={"name": raw})
    call(raw + "x")
    call(path=f"/v1/{raw}", HTTP_REFERER=f"https://example.com/?key={raw}")
    call(path=f"/v1/chatbots?api_key={raw}", HTTP_USER_AGENT=raw)
    call(f"Basic {raw}", path=f"/settings/api/{raw}/")

    assert caplog.records
    assert secret_of(raw) not in caplog.text


def test_the_verified_cache_and_the_caches_hold_no_key(issue, call, hasher):
    from django.core.cache import caches

    _key, raw = issue()
    call(raw)
    call(raw[:-1])

    held = str([vars(cache).get("_cache") for cache in caches.all()]) + repr(vars(hasher))
    assert secret_of(raw) not in held


@pytest.mark.parametrize(
    "path",
    ["/settings/api/?q={}", "/settings/api?q={}", "/admin/?q={}", "/admin/{}/"],
)
@pytest.mark.parametrize("https_only", [True, False])
def test_no_redirect_has_a_key_in_its_url(issue, client, settings, path, https_only):
    settings.SECURE_SSL_REDIRECT = https_only
    key, raw = issue()

    response = client.get(path.format(raw))

    assert response.status_code in {301, 302}
    assert key.key_id in response["Location"]
    assert secret_of(raw) not in response["Location"]
    assert response["Location"].isascii()
