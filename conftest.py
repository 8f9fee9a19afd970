"""Fixtures for all tests; an app's own tests have the others."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from apikeys.usage import recorder
from testing.server import Server

# On a busy machine, an example can take any time.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")

pytest_plugins = ["testing.failures", "testing.fixtures", "testing.pages"]


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A running production server with its own database and a pool of users."""
    server = Server(tmp_path_factory.mktemp("server")).prepare()
    # Parallel workers share one folder, so collect the files one at a time.
    with Path(tmp_path_factory.getbasetemp().parent, "collectstatic.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server.manage("collectstatic", "--no-input", "--verbosity", "0")
    server.start()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def _usage_of_this_test_alone():
    """Clear usage, because primary keys repeat after a rollback and counts would reach the next test."""
    recorder.recorder.clear()
