"""The version of gunicorn whose private names the worker uses (docs/decisions/0020)."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest
from gunicorn import glogging
from gunicorn.workers import gthread

from wizchat.gunicorn.logger import Logger
from wizchat.gunicorn.worker import Worker

CHECKED = "27.0.1"
DECISION = Path(__file__).resolve().parents[3] / "docs" / "decisions" / "0020-gunicorns-internals.md"


def test_the_installed_gunicorn_is_the_version_that_was_checked():
    assert version("gunicorn") == CHECKED, "check decision 20 against the new release"
    assert CHECKED in DECISION.read_text()


@pytest.mark.parametrize(("ours", "gunicorns"), [(Worker, gthread.ThreadWorker), (Logger, glogging.Logger)])
def test_decision_names_every_method_of_gunicorn_that_we_replace(ours, gunicorns):
    replaced = {name for name in vars(ours) if hasattr(gunicorns, name)}
    own = {name for name in replaced if name.startswith("__")}

    text = DECISION.read_text()
    assert {name for name in replaced - own if f"{name}`" not in text} == set()
