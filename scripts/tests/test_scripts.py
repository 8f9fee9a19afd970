"""The steps of ``make run`` and ``make test`` before WizChat itself runs."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from itertools import takewhile
from types import SimpleNamespace

import pytest

from scripts import browser, run
from scripts.dotenv import ensure_secret_key, keep_private
from testing.server import ROOT

WRITTEN = r"SECRET_KEY=[\w-]{60,}\n"


def test_new_env_file_has_a_random_key_and_is_private(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"

    assert ensure_secret_key(one)
    assert ensure_secret_key(other)

    assert re.fullmatch(WRITTEN, one.read_text())
    assert one.read_text() != other.read_text()
    assert stat.S_IMODE(one.stat().st_mode) == 0o600


@pytest.mark.parametrize("line", ["SECRET_KEY=mine", "export SECRET_KEY='mine'", 'A=b\nSECRET_KEY="mine"'])
def test_env_file_with_a_key_is_never_changed(tmp_path, line):
    path = tmp_path / ".env"
    path.write_text(line)

    assert not ensure_secret_key(path)
    assert path.read_text() == line


@pytest.mark.parametrize(
    "text", ["DEBUG=on\n", "DEBUG=on", "SECRET_KEY=\n", 'SECRET_KEY=""\n', "# SECRET_KEY=x"]
)
def test_env_file_without_a_key_gets_one_after_its_existing_lines(tmp_path, text):
    path = tmp_path / ".env"
    path.write_text(text)

    assert ensure_secret_key(path)
    assert re.fullmatch(re.escape(text.rstrip("\n")) + "\n" + WRITTEN, path.read_text())
    assert not ensure_secret_key(path)


def test_env_file_that_everybody_could_read_is_private_once_it_holds_a_key(tmp_path):
    path = tmp_path / ".env"
    path.write_text("DEBUG=on\n")
    path.chmod(0o644)

    assert ensure_secret_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "line",
    [
        "SECRET_KEY=mine",
        "export SECRET_KEY='mine'",
        "DEMO_PASSWORD=mine",
        "METRICS_TOKEN=mine",
        "DATABASE_URL=postgres://wizchat:mine@db/wizchat",
        "CACHE_URL=redis://:mine@cache",
    ],
)
def test_env_file_that_holds_a_secret_is_made_private(tmp_path, line):
    path = tmp_path / ".env"
    path.write_text(f"DEBUG=on\n{line}\n")
    path.chmod(0o644)

    assert keep_private(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not keep_private(path)
    assert path.read_text() == f"DEBUG=on\n{line}\n"


@pytest.mark.parametrize("text", ["", "SECRET_KEY=\n", "DEBUG=on\nSITE_URL=http://a.example:8000\n"])
def test_env_file_without_a_secret_keeps_its_mode(tmp_path, text):
    path = tmp_path / ".env"
    path.write_text(text)
    path.chmod(0o644)

    assert not keep_private(path)
    assert not keep_private(tmp_path / "none")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_run_says_what_it_does_to_the_env_file(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(os, "environ", {})
    path = tmp_path / ".env"

    run.keep_secrets()
    assert capsys.readouterr().out == "Wrote a random SECRET_KEY into .env.\n"
    path.chmod(0o644)
    run.keep_secrets()

    assert capsys.readouterr().out == "Changed .env so that only you can read it: it holds secrets.\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.fixture
def settle(tmp_path, monkeypatch):
    """Return a function that returns the settings that ``make run`` derives from environment and ``.env``."""
    monkeypatch.setattr(run, "ROOT", tmp_path)

    def settle(dotenv="", **given):
        (tmp_path / ".env").write_text(dotenv)
        monkeypatch.setattr(os, "environ", dict(given))
        monkeypatch.setattr("environ.Env.ENVIRON", os.environ)
        run.set_environment()
        return os.environ

    return settle


def test_plain_http_works_on_this_machine_unless_the_environment_says_no(settle):
    assert settle()["HTTPS_ONLY"] == "off"
    assert settle(dotenv="HTTPS_ONLY=on")["HTTPS_ONLY"] == "off"
    assert settle(HTTPS_ONLY="on")["HTTPS_ONLY"] == "on"
    assert settle(HOST="0.0.0.0", dotenv="HTTPS_ONLY=on")["HTTPS_ONLY"] == "on"


def test_the_address_that_is_printed_is_an_allowed_host(settle):
    assert "[2001:db8::1]" in settle(HOST="2001:db8::1")["ALLOWED_HOSTS"].split(",")
    hosts = settle(HOST="192.0.2.1", dotenv="ALLOWED_HOSTS=api.example.com")["ALLOWED_HOSTS"].split(",")

    assert set(hosts) == {"api.example.com", "192.0.2.1", "localhost", "127.0.0.1", "[::1]"}


@pytest.mark.parametrize(
    ("dotenv", "given", "url"),
    [
        ("", {}, "http://127.0.0.1:8123"),
        ("", {"HTTPS_ONLY": "on"}, "https://127.0.0.1:8123"),
        ("SITE_URL=https://wizchat.example.com", {}, "http://127.0.0.1:8123"),
        ("SITE_URL=https://wizchat.example.com", {"HOST": "192.0.2.1"}, "https://wizchat.example.com"),
        ("", {"SITE_URL": "https://wizchat.example.com"}, "https://wizchat.example.com"),
    ],
)
def test_links_in_emails_point_to_the_server_that_was_started(settle, dotenv, given, url):
    settle(dotenv=dotenv, **given)
    run.set_site_url("127.0.0.1:8123")

    assert os.environ["SITE_URL"] == url


def test_host_and_port_can_be_set_in_the_env_file(settle):
    dotenv = "HOST=192.0.2.1\nPORT=9000\n"

    assert [settle(dotenv=dotenv)[name] for name in ("HOST", "PORT")] == ["192.0.2.1", "9000"]
    assert [settle(dotenv=dotenv, PORT="9001")[name] for name in ("HOST", "PORT")] == ["192.0.2.1", "9001"]
    assert [settle(HOST="", PORT="")[name] for name in ("HOST", "PORT")] == ["127.0.0.1", "8000"]


@contextmanager
def start(tmp_path, **environ):
    """Start what ``make run`` starts, with its own database and port; stop it at the end of the block."""
    given = {"SECRET_KEY": "x" * 50, "DATABASE_URL": f"sqlite:///{tmp_path}/db", "PORT": "0"}
    base = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    command = [sys.executable, "-m", "scripts.run"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        command, cwd=ROOT, env=base | given | environ, stdout=pipe, stderr=pipe, text=True, encoding="utf-8"
    )
    with process:
        try:
            yield process
        finally:
            process.terminate()


def test_run_prepares_serves_and_stops(tmp_path):
    passwords = []
    for _ in range(2):
        with start(tmp_path) as process:
            before = "".join(takewhile(lambda line: line != "\n", process.stdout))
            passwords += re.findall(r"Password: (\S+)", before)
            url = re.search(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())[0]
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen(url + "v1/chatbots", timeout=60)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
        assert process.returncode == 0

    assert len(passwords) == 1


def test_a_port_in_use_is_reported_in_one_sentence(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        with start(tmp_path, PORT=port) as process:
            out, err = process.communicate(timeout=60)

    assert process.returncode == 1
    assert err == f"Port {port} is in use. Choose another one: make run PORT=8001\n"
    assert out == ""


@pytest.mark.parametrize("port", ["http", "-1", "65536"])
def test_an_invalid_port_is_reported_in_one_sentence(tmp_path, port):
    with start(tmp_path, PORT=port) as process:
        _, err = process.communicate(timeout=60)

    assert process.returncode == 1
    assert err == f"PORT: “{port}” is not a port number (0 to 65535).\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [("HTTPS_ONLY", "ture"), ("WEB_THREADS", "many"), ("DATABASE_URL", "sqlite:////no/such/folder/db")],
)
def test_a_setting_that_stops_the_server_is_reported_in_one_sentence(tmp_path, name, value):
    with start(tmp_path, **{name: value}) as process:
        _, err = process.communicate(timeout=60)

    assert process.returncode != 0
    assert name in err or "database" in err
    # The worker starts before the server reads its own settings, so its line may be there.
    assert err.replace("Sending emails.\n", "").count("\n") == 1


def test_old_python_is_refused_with_a_hint(tmp_path):
    for name in ("Makefile", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    old = tmp_path / "old"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2 && exit\nexit 1\n')
    old.chmod(0o755)

    done = subprocess.run(
        ["make", "run", f"PYTHON={old}"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )

    assert done.returncode != 0
    assert f"WizChat needs Python 3.11 or newer, but {old} is: Python 3.9.2." in done.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.fixture
def playwright(tmp_path):
    """The path that Playwright reports for its own build."""
    return SimpleNamespace(chromium=SimpleNamespace(executable_path=str(tmp_path / "own")))


def make_tool(folder, name, script=""):
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    return str(folder / name)


def test_only_the_browser_named_by_the_environment_is_used(monkeypatch, playwright):
    monkeypatch.setenv("CHROMIUM", sys.executable)
    assert browser.find(playwright) == sys.executable

    monkeypatch.setenv("CHROMIUM", "no-such-browser")
    assert browser.find(playwright) is None


def test_browser_is_found_on_the_path_or_else_with_playwright(monkeypatch, tmp_path, playwright):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)

    assert browser.find(playwright) is None
    own = make_tool(tmp_path, "own")
    assert browser.find(playwright) == own
    chrome = make_tool(tmp_path, "google-chrome")
    assert browser.find(playwright) == chrome


@pytest.mark.parametrize("package", browser.PACKAGES)
def test_browser_that_is_missing_is_installed_from_debian(package, monkeypatch, tmp_path, playwright):
    make_tool(tmp_path, "sudo", 'shift; exec "$@"')
    make_tool(tmp_path, "env", 'shift; exec "$@"')
    only = f'case "$*" in *install*" {package}") /bin/cp "$0" {tmp_path}/{package};; *install*) exit 1;; esac'
    make_tool(tmp_path, "apt-get", only)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)

    browser.install()

    assert browser.find(playwright) == str(tmp_path / package)


def test_missing_browser_is_a_failure_with_advice():
    done = subprocess.run(
        [sys.executable, "-m", "scripts.browser"],
        cwd=ROOT,
        env=os.environ | {"CHROMIUM": "no-such-browser"},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 1
    assert "apt-get install chromium-headless-shell" in done.stderr
