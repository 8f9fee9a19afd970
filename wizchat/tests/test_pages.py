"""The error pages, and requirements for all pages."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.test import Client

POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
}


def test_an_unknown_path_gets_a_page(db):
    response = Client().get("/nowhere/")

    assert response.status_code == 404
    assert "Page not found" in response.text


@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "429", "500"])
def test_error_pages_depend_on_nothing_that_may_be_broken(name):
    html = render_to_string(f"{name}.html")

    assert html.count("<h1") == 1
    assert "– WizChat</title>" in html


def test_a_form_from_another_site_gets_a_page_that_says_what_to_do(db):
    response = Client(enforce_csrf_checks=True).post("/accounts/login/", {"login": "x", "password": "y"})

    assert response.status_code == 403
    assert "This form has expired" in response.text


@pytest.mark.parametrize(("path", "status"), [("/accounts/login/", 400), ("/nowhere/", 404)])
@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded; charset=latin-1", "multipart/form-data"]
)
def test_a_malformed_form_is_not_a_server_error(db, path, status, content_type):
    client = Client(enforce_csrf_checks=True)
    client.cookies["csrftoken"] = "a" * 32

    response = client.generic("POST", path, b"login=x", content_type)

    assert response.status_code == status
    assert "– WizChat</title>" in response.text


@pytest.mark.parametrize(("kind", "most"), [("css", 28_000), ("js", 10_000)])
def test_style_sheets_and_scripts_stay_small(kind, most):
    files = list((settings.BASE_DIR / "static" / kind).iterdir())

    assert 0 < sum(file.stat().st_size for file in files) <= most


@pytest.mark.parametrize("path", ["/docs/", "/accounts/login/", "/nowhere/", "/settings/api/", "/admin/"])
def test_every_page_allows_only_its_own_files(db, path):
    policy = Client().get(path)["Content-Security-Policy"]

    assert {directive.strip() for directive in policy.split(";")} == POLICY


def test_the_page_for_an_unknown_host_has_the_same_policy(db):
    response = Client(SERVER_NAME="unknown.example").get("/accounts/login/")

    assert response.status_code == 400
    policy = response["Content-Security-Policy"]
    assert {directive.strip() for directive in policy.split(";")} == POLICY
    assert response["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("template", ["400", "403", "403_csrf", "404", "429", "500", "503"])
def test_a_page_starts_with_its_doctype(template):
    assert render_to_string(f"{template}.html").startswith("<!doctype html>")
