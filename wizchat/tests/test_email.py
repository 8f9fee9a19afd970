"""Without a mail server, no link from an email reaches a log, and operators are told."""

import smtplib
import socket
from contextlib import closing

import pytest
from django.core import mail

from apikeys.core import keyformat
from testing.client import Person
from testing.commands import manage
from testing.server import Server
from testing.services import wait_until
from wizchat.email import SMTPBackend, check_mail_server

SEND = (
    "from django.core.mail import send_mail; print(send_mail('S', 'https://x/S3CRET', None, ['a@b.example']))"
)


@pytest.mark.parametrize("url", ["", "consolemail://"])
def test_outside_debug_an_unsent_email_is_one_line_without_its_text(url):
    done = manage("shell", "--no-imports", "--command", SEND, EMAIL_URL=url, DEBUG="off")

    assert done.stdout == "1\n"
    assert done.stderr.count("\n") == 1
    assert "An email was not sent" in done.stderr
    assert "S3CRET" not in done.stderr
    assert "a@b.example" not in done.stderr


def test_in_debug_the_console_prints_the_email():
    assert "S3CRET" in manage("shell", "--no-imports", "--command", SEND, EMAIL_URL="", DEBUG="on").stdout


def test_no_reset_link_is_in_the_log_of_a_server_without_a_mail_server(tmp_path):
    with closing(Server(tmp_path, EMAIL_URL="")) as server:
        server.prepare().start()
        answer = Person(server.url).post("/accounts/password/reset/", email="user0@example.com")
        assert answer.status == 302
        wait_until(lambda: "An email was not sent" in server.log.read_text(), "the line of the email")

    assert "/accounts/password/reset/key/" not in server.log.read_text()


def test_without_a_mail_server_the_worker_prints_emails_about_keys_for_they_contain_no_secret(tmp_path):
    server = Server(tmp_path, EMAIL_URL="").prepare()
    raw = server.issue(server.new_member(), name="Production API")

    printed = manage("worker", "--once", **server.environ).stdout

    assert 'Subject: [WizChat] API key "Production API" was created' in printed
    assert keyformat.parse(raw).secret not in printed


@pytest.mark.parametrize(
    "backend", ["django.core.mail.backends.console.EmailBackend", "wizchat.email.UnsentBackend"]
)
def test_a_deployment_without_a_mail_server_fails_its_check(settings, backend):
    settings.EMAIL_BACKEND, settings.DEBUG = backend, False
    assert [error.id for error in check_mail_server(None)] == ["wizchat.E001"]

    settings.DEBUG = True
    assert check_mail_server(None) == []


def test_the_deploy_check_asks_for_a_mail_server_and_accepts_one():
    environ = {"HTTPS_ONLY": "on", "SECRET_KEY": "".join(map(chr, range(40, 120)))}

    refused = manage("check", "--deploy", EMAIL_URL="", **environ)
    taken = manage("check", "--deploy", EMAIL_URL="smtp+tls://u:p@mail.example.com:587", **environ)

    assert (refused.returncode, "wizchat.E001" in refused.stderr) == (1, True)
    assert taken.returncode == 0
    assert manage("check", EMAIL_URL="").returncode == 0


def test_the_url_of_the_mail_server_is_parsed():
    names = ["BACKEND", "HOST", "PORT", "HOST_USER", "HOST_PASSWORD", "USE_TLS", "USE_SSL"]
    code = f"from django.conf import settings as s; print(*(getattr(s, 'EMAIL_' + n) for n in {names}))"

    done = manage(
        "shell", "--no-imports", "--command", code, EMAIL_URL="smtp+ssl://us%40er:p%2Fw@mail.example:465"
    )

    assert done.stdout.split() == [
        "wizchat.email.SMTPBackend",
        *["mail.example", "465", "us@er", "p/w", "False", "True"],
    ]


@pytest.mark.parametrize(("use_ssl", "kind"), [(False, smtplib.SMTP), (True, smtplib.SMTP_SSL)])
@pytest.mark.parametrize(("patient", "seconds"), [(True, 600), (False, 10)])
def test_a_patient_sender_waits_long_only_for_the_mail_server_to_accept_an_email(
    monkeypatch, use_ssl, kind, patient, seconds
):
    given = []
    monkeypatch.setattr(smtplib.SMTP, "data", lambda self, _text: given.append(self.sock.gettimeout()))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(10)
        connection = SMTPBackend(use_ssl=use_ssl, patient=patient).connection_class()
        connection.sock = ours
        connection.data(b"text")
        given.append(ours.gettimeout())

    assert isinstance(connection, kind)
    assert given == [seconds, 10]


def test_the_tests_themselves_send_into_memory():
    mail.send_mail("S", "text", None, ["a@b.example"])

    assert mail.outbox[0].from_email == "WizChat <no-reply@localhost>"
