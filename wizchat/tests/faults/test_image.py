"""The steps of the image and of compose.yaml, run without an engine in temporary folders."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from testing.client import call, send
from testing.image import instructions
from testing.proxies import Nginx
from testing.server import ROOT
from testing.services import Postgres, Redis, free_port, wait_until
from wizchat.tests.test_deployment import is_ignored

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("image")]

SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
GIVEN = {"SECRET_KEY": "s" * 60, "ALLOWED_HOSTS": "127.0.0.1", "POSTGRES_PASSWORD": "p"}


def filled(text):
    """Fill in ``${NAME:-default}`` and ``${NAME:?}`` as Compose does."""
    return re.sub(r"\$\{(\w+):(?:-([^}]*)|\?)\}", lambda m: GIVEN.get(m[1]) or m[2] or "", text)


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """The folder that stands for the root of the image, built as the Containerfile says."""
    root = tmp_path_factory.mktemp("image")
    (root / "app").mkdir()
    for instruction, rest in instructions()[0]:
        if instruction == "RUN":
            command = rest.replace("/venv", f"{root}/venv").replace(
                "python -m venv", f"{sys.executable} -m venv"
            )
            environ = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
            subprocess.run(command, shell=True, cwd=root / "app", env=environ, check=True, timeout=600)
        elif (instruction, rest) == ("COPY", ". ."):
            copy_all(root / "app")
        elif instruction == "COPY":
            source, target = rest.split()
            shutil.copy(ROOT / source, root / "app" / target)
        else:
            assert instruction in {"FROM", "WORKDIR"}
    return root


def copy_all(target):
    patterns = (ROOT / ".dockerignore").read_text().split("\n")
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    for file in files:
        if (ROOT / file).is_file() and not any(is_ignored(file, pattern) for pattern in patterns if pattern):
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, target / file)


@pytest.fixture(scope="module")
def services():
    postgres, redis = Postgres().start(), Redis().start()
    yield postgres, redis
    postgres.close()
    redis.close()


@pytest.fixture(scope="module")
def environ(image, services):
    """The app's environment from the image and compose.yaml, with the test's addresses."""
    postgres, redis = services
    settings = {name: filled(value) for name, value in SERVICES["app"]["environment"].items()}
    stage = dict(instructions()[-1])
    settings |= dict(word.split("=", 1) for word in shlex.split(stage["ENV"]))
    return settings | {
        "PATH": f"{image}/venv/bin:{os.environ['PATH']}",
        "DATABASE_URL": settings["DATABASE_URL"]
        .replace("database:5432", f"127.0.0.1:{postgres.port}")
        .replace("wizchat:p@", "postgres@"),
        "CACHE_URL": settings["CACHE_URL"].replace("cache:6379", f"127.0.0.1:{redis.port}"),
        "HOST": "127.0.0.1",
        "PORT": str(free_port()),
        "TRUSTED_PROXIES": "127.0.0.1",
    }


def run(image, environ, command):
    done = subprocess.run(
        command, cwd=image / "app", env=environ, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def files(image):
    return {(path, path.stat().st_mtime_ns) for path in Path(image).rglob("*") if path.is_file()}


def test_the_image_migrates_serves_is_healthy_and_writes_nothing_into_itself(image, environ):
    before = files(image)
    health = json.loads(dict(instructions()[-1])["HEALTHCHECK"].partition("CMD ")[2])
    house = SERVICES["housekeeping"]["command"][2].partition("do ")[2].partition(";")[0]

    run(image, environ, SERVICES["migrate"]["command"])
    run(image, environ, house.split())
    server = subprocess.Popen(
        json.loads(dict(instructions()[-1])["CMD"]), cwd=image / "app", env=environ, stderr=subprocess.DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{environ['PORT']}"
        wait_until(lambda: alive(image, environ, health), "health")
        proxy = SERVICES["proxy"]["environment"]
        nginx = Nginx(
            ROOT / "deploy" / "nginx" / "wizchat.conf.template",
            APP=proxy["APP"].replace("app:8000", url.removeprefix("http://")),
            BALANCER=filled(proxy["BALANCER"]),
        ).start()
        ready = send(url, path="/readyz")
        page, api = send(nginx.tls_url, path="/accounts/login/"), call(nginx.tls_url)
        style = re.search(r'href="(/static/[^"]+\.css)"', page.text)[1]
        static = send(nginx.tls_url, path=style)
        nginx.close()
    finally:
        server.terminate()
        ended = server.wait(60)

    assert ready.json["checks"] == {"database": "ok", "cache": "ok", "migrations": "ok"}
    assert page.status == 200
    assert static.status == 200
    assert api.error["message"] == "API key required"
    assert ended == 0
    assert files(image) == before


def test_housekeeping_stops_on_sigterm(image, environ, tmp_path):
    run(image, environ, SERVICES["migrate"]["command"])
    log = tmp_path / "log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            SERVICES["housekeeping"]["command"],
            cwd=image / "app",
            env=environ,
            stderr=stderr,
            start_new_session=True,
        )
    try:
        wait_until(lambda: "expired sessions." in log.read_text(), "housekeeping")
        process.terminate()
        # It must handle the signal: by default, a signal doesn't end the first process of a container.
        assert process.wait(60) == 0
    finally:
        with suppress(ProcessLookupError):  # a sleep may be left
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def alive(image, environ, command):
    time.sleep(0.2)
    return subprocess.run(command, cwd=image / "app", env=environ, check=False).returncode == 0
