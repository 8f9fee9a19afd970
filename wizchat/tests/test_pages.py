"""The API reference and the error pages."""

from __future__ import annotations

import os
import subprocess
from html import unescape

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.test import Client

from wizchat.api.catalogue import ERRORS
from wizchat.reference import entries
from wizchat.views import EXAMPLE_SITE

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


def test_anyone_may_read_the_reference(db):
    html = unescape(Client().get("/docs/").text)

    assert "Sign in" in html
    for operation in every_operation():
        assert f'<h3 id="{operation.id}">' in html
        assert f'<a href="#{operation.id}">' in html
        assert f"{operation.method} {operation.path}" in html
        assert len(operation.samples) == 3
        for _language, code in operation.samples:
            assert code in html
    for known in ERRORS:
        assert known.code in html
        assert known.meaning in html


def every_operation(base=EXAMPLE_SITE):
    return [operation for operations in entries(base).values() for operation in operations]


def test_the_reference_is_of_a_size_to_read(db):
    assert len(Client().get("/docs/").content) <= 250_000


def test_signed_in_readers_see_their_own_address(db, django_user_model, settings):
    settings.SITE_URL = "https://wizchat.example.net"
    client = Client()
    assert settings.SITE_URL not in client.get("/docs/").text
    client.force_login(django_user_model.objects.create_user("olga"))

    html = client.get("/docs/").text

    assert f"{settings.SITE_URL}/v1/key" in html
    assert EXAMPLE_SITE not in html


def test_every_curl_sample_works(server):
    member = server.new_member()
    key = server.issue(member, "admin")
    for operation in every_operation(server.url):
        chatbot = server.call(key, method="POST", body={"name": "Support"})[1]["id"]
        faqs = f"/v1/chatbots/{chatbot}/faqs"
        faq = server.call(key, faqs, method="POST", body={"question": "Why?", "answer": "Because."})[1]["id"]
        made = {"name": "Made", "permissions": ["admin"]}
        other = server.call(key, "/v1/keys", method="POST", body=made)[1]
        values = {"CHATBOT_ID": chatbot, "FAQ_ID": faq, "KEY_ID": other["id"]}
        values["WIZCHAT_API_KEY"] = other["key"] if operation.id == "revokeCurrentKey" else key
        [(_, command)] = [sample for sample in operation.samples if sample[0] == "curl"]

        done = subprocess.run(
            ["/bin/sh", "-c", f"{command} --silent --output /dev/null --write-out '%{{http_code}}'"],
            env={**os.environ, **values},
            capture_output=True,
            text=True,
            check=True,
        )

        # Nobody but GitHub can sign its reports.
        expected = "401" if operation.id == "reportFromGitHub" else operation.status
        assert done.stdout == expected, operation


def test_an_address_that_leads_nowhere_gets_a_page(db):
    response = Client().get("/nowhere/")

    assert response.status_code == 404
    assert "Page not found" in response.text


@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "429", "500"])
def test_error_pages_need_nothing_that_may_be_broken(name):
    html = render_to_string(f"{name}.html")

    assert html.count("<h1") == 1
    assert "– WizChat</title>" in html


def test_a_form_from_elsewhere_gets_a_page_that_says_what_to_do(db):
    response = Client(enforce_csrf_checks=True).post("/accounts/login/", {"login": "x", "password": "y"})

    assert response.status_code == 403
    assert "This form has expired" in response.text


@pytest.mark.parametrize(("path", "status"), [("/accounts/login/", 400), ("/nowhere/", 404)])
@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded; charset=latin-1", "multipart/form-data"]
)
def test_a_form_that_cannot_be_read_is_no_fault_of_the_servers(db, path, status, content_type):
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
def test_every_page_allows_itself_nothing_but_its_own_files(db, path):
    policy = Client().get(path)["Content-Security-Policy"]

    assert {directive.strip() for directive in policy.split(";")} == POLICY


@pytest.mark.parametrize("template", ["400", "403", "403_csrf", "404", "429", "500", "503"])
def test_a_page_begins_with_its_doctype(template):
    assert render_to_string(f"{template}.html").startswith("<!doctype html>")
