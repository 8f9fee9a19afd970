"""The API reference at /docs/: it has everything in the document, and its samples run."""

from __future__ import annotations

from html import unescape

import pytest
from django.test import Client

from testing.samples import PROGRAMS, Samples, run
from wizchat.api.catalogue import ERRORS
from wizchat.api.openapi import document
from wizchat.reference import entries, with_code
from wizchat.views import EXAMPLE_SITE


def every_operation():
    return [operation for operations in entries(EXAMPLE_SITE).values() for operation in operations]


@pytest.fixture
def samples(db):
    return Samples(Client().get("/docs/").text).found


def test_anyone_can_read_the_reference(db):
    html = unescape(Client().get("/docs/").text)

    assert "Sign in" in html
    for operation in every_operation():
        assert f'<h3 id="{operation.id}">' in html
        assert f'<a href="#{operation.id}">' in html
        assert f"{operation.method} {operation.path}" in html
        for field in operation.fields:
            assert f"<dt><code>{field.name}</code>" in html
            assert field.description
    for known in ERRORS:
        assert known.code in html
        assert known.meaning in html


def test_the_groups_are_in_the_order_of_the_document():
    assert list(entries(EXAMPLE_SITE)) == [tag["name"] for tag in document()["tags"]]


def test_each_operation_has_a_sample_in_each_language(samples):
    guides = {("start", "curl"), ("pages", "Python")}

    assert samples.keys() == guides | {
        (operation.id, language) for operation in every_operation() for language in PROGRAMS
    }


def test_the_reference_is_short_enough_to_read(db):
    assert len(Client().get("/docs/").content) <= 250_000


def test_signed_in_readers_see_their_own_address(db, django_user_model, settings):
    settings.SITE_URL = "https://wizchat.example.net"
    client = Client()
    assert settings.SITE_URL not in client.get("/docs/").text
    client.force_login(django_user_model.objects.create_user("olga"))

    html = client.get("/docs/").text

    assert f"{settings.SITE_URL}/v1/key" in html
    assert EXAMPLE_SITE not in html


def test_descriptions_are_escaped():
    assert with_code("`<b>` & <i>") == "<code>&lt;b&gt;</code> &amp; &lt;i&gt;"


@pytest.mark.parametrize("language", PROGRAMS)
def test_every_sample_works(server, samples, language, tmp_path):
    key = server.issue(server.new_member(), "admin")
    for operation in every_operation():
        code = samples[operation.id, language].replace(EXAMPLE_SITE, server.url)
        if language == "curl":
            code += " --silent --output /dev/null --write-out '%{http_code}'"

        printed = run(language, code, tmp_path, **values_for(operation, server, key))

        # Only GitHub can sign its reports.
        expected = "403" if operation.id == "reportFromGitHub" else operation.status
        assert printed.split()[0] == expected, f"{code}\n{printed}"


def values_for(operation, server, key):
    """Return the environment variables that a sample reads, with ids of objects created for it."""
    chatbot = server.call(key, method="POST", body={"name": "Support"})[1]["id"]
    faqs = f"/v1/chatbots/{chatbot}/faqs"
    faq = server.call(key, faqs, method="POST", body={"question": "Why?", "answer": "Because."})[1]["id"]
    made = {"name": "Made", "permissions": ["admin"]}
    other = server.call(key, "/v1/keys", method="POST", body=made)[1]
    return {
        "CHATBOT_ID": chatbot,
        "FAQ_ID": faq,
        "KEY_ID": other["id"],
        "WIZCHAT_API_KEY": other["key"] if operation.id == "revokeCurrentKey" else key,
    }


def test_the_loop_over_all_pages_works(server, samples, tmp_path):
    key = server.issue(server.new_member(), "admin")
    names = [f"Chatbot {number}" for number in range(3)]
    for name in names:
        server.call(key, method="POST", body={"name": name})
    code = samples["pages", "Python"].replace(EXAMPLE_SITE, server.url)

    printed = run("Python", code.replace("/chatbots", "/chatbots?page_size=1"), tmp_path, WIZCHAT_API_KEY=key)

    assert printed.split("\n") == [*reversed(names), ""]
