"""Links that set a password or verify an address: anyone with such a link can take over the account."""

from __future__ import annotations

import logging
import re
import sys
from urllib.parse import quote

import pytest
from django.core import mail
from django.test import Client, RequestFactory
from django.urls import resolve
from django.utils.html import escape

from wizchat.observability.error_reports import Reporter
from wizchat.observability.logs import JSONLines

RESET = "/accounts/password/reset/"
KEY = "d1f2g3-9b8a7c6d5e4f3a2b1c0d9e8f7a6b5c4d"
PATHS = [
    f"/accounts/password/reset/key/1-{KEY}/",
    f"/accounts/password/reset/key/1-{KEY}",
    f"/accounts//password/reset/key/1-{KEY}/",
    f"/accounts/password/reset/key/1-{KEY}/nowhere/",
    f"/accounts/confirm-email/{KEY}/",
    f"/accounts/confirm-email/{KEY}",
]


@pytest.fixture
def logged(caplog):
    """Return a function that returns everything that was logged, as written."""
    caplog.set_level(logging.INFO)
    return lambda: "\n".join(JSONLines().format(record) for record in caplog.records)


@pytest.mark.parametrize("path", PATHS)
def test_a_link_that_signs_in_is_logged_as_its_route(nobody, logged, path):
    nobody.get(path)

    assert KEY not in logged()
    assert re.search(r"GET /accounts/+(password/reset/key/<uidb36>-<key>|confirm-email/<key>)", logged())


def test_a_reset_link_that_works_is_in_no_log(nobody, olga, logged):
    nobody.post(RESET, {"email": olga.email})
    path = re.search(r"https://testserver(\S+)", mail.outbox[0].body)[1]

    nobody.get(path)

    assert path.rstrip("/").partition("-")[2] not in logged()


@pytest.mark.parametrize("path", [PATHS[0], PATHS[4]])
def test_a_crash_and_a_forged_form_log_no_link_either(db, logged, monkeypatch, path):
    Client(enforce_csrf_checks=True).post(path)
    monkeypatch.setattr(
        "allauth.account.views.PasswordResetFromKeyView.get_context_data", lambda *_, **__: 1 / 0
    )
    monkeypatch.setattr("allauth.account.views.ConfirmEmailView.get_context_data", lambda *_, **__: 1 / 0)

    Client(raise_request_exception=False).get(path)

    assert "ZeroDivisionError" in logged()
    assert "CSRF" in logged()
    assert KEY not in logged()


@pytest.mark.parametrize("path", [PATHS[0], PATHS[4]])
def test_an_error_report_has_no_link(rf, path):
    request = rf.get(path, HTTP_REFERER=f"https://testserver{path}")
    request.resolver_match = resolve(path)

    for report in reports(request, variable=KEY):
        assert "ZeroDivisionError" in report
        assert KEY not in report


def test_an_error_report_has_no_password_of_a_url(settings):
    password = "".join(["hunt", "er2"])  # in two parts, because a report shows the lines of this file
    settings.CACHES = {"default": {"LOCATION": f"redis://:{password}@cache:6379/0"}}
    settings.BROKER = [f"amqps://wizchat:{password}@broker"]

    for report in reports(RequestFactory().get("/")):
        assert "cache:6379" in report
        assert password not in report


@pytest.mark.parametrize("password", ["hunter2hunter2", "<it's & so on>", "p%40ss:w/rd"])
def test_an_error_report_has_no_password_that_a_driver_took_from_a_url(settings, password):
    settings.CACHES = {"default": {"LOCATION": f"redis://:{quote(password, safe='')}@cache:6379/0"}}

    for report in reports(RequestFactory().get("/"), variable={"host": "cache", "password": password}):
        assert "cache:6379" in report
        assert password not in report
        assert escape(password) not in report


def reports(request, variable=None):
    try:
        _ = variable, 1 / 0
    except ZeroDivisionError:
        reporter = Reporter(request, *sys.exc_info())
        return [reporter.get_traceback_html(), reporter.get_traceback_text()]


def test_a_bad_host_is_one_line_without_traceback(nobody, logged):
    assert nobody.get("/", headers={"Host": "evil.example"}).status_code == 400

    lines = [line for line in logged().splitlines() if "DisallowedHost" in line]
    assert len(lines) == 1
    assert "evil.example" in lines[0]
    assert "Traceback" not in lines[0]


@pytest.mark.parametrize("host", ["testserver:8443", "TESTSERVER:0443", "localhost"])
def test_links_in_emails_ignore_the_host_header(signed_in, nobody, olga, settings, host):
    settings.SITE_URL = "https://chat.example"

    nobody.post(RESET, {"email": olga.email}, headers={"Host": host})
    signed_in.post(
        "/accounts/email/", {"action_add": "1", "email": "new@example.com"}, headers={"Host": host}
    )

    assert len(mail.outbox) == 2
    for email in mail.outbox:
        links = re.findall(r"https?://\S+", email.body)
        assert links
        assert all(link.startswith("https://chat.example/accounts/") for link in links)
        assert host not in email.body.replace("olga@example.com", "")
