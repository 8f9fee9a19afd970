"""The version of gunicorn whose private names the worker leans on (docs/decisions/0020)."""

from __future__ import annotations

from importlib.metadata import version

CHECKED = "27.0.1"


def test_the_installed_gunicorn_is_the_one_that_the_worker_was_checked_against():
    assert version("gunicorn") == CHECKED, "check decision 20 against the new release"
