"""Documents that list errors list exactly those of the catalogue."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from apikeys.leaks.handling import REPORTS_PER_HOUR
from wizchat.api import catalogue
from wizchat.api.catalogue import ERRORS, for_status
from wizchat.gunicorn.arrival import LINE_BYTES
from wizchat.gunicorn.worker import Worker

README = Path(__file__).resolve().parents[3] / "README.md"


def test_the_readme_lists_exactly_the_errors():
    table = README.read_text().partition("<!-- errors:")[2].partition("\n\n")[0]

    rows = [f"| {error.status} | `{error.code}` | `{error.message}` | {error.meaning} |" for error in ERRORS]
    assert table.splitlines()[3:] == rows


def test_a_status_that_nobody_declared_still_has_a_code_and_a_message():
    error = for_status(418)

    assert (error.status, error.code, error.message) == (418, "IM_A_TEAPOT", "I'm a Teapot")


def test_errors_are_declared_in_the_order_of_their_status():
    assert list(ERRORS) == sorted(ERRORS, key=lambda error: error.status)


@pytest.mark.parametrize(
    ("error", "limit"),
    [
        (catalogue.REQUEST_TIMEOUT, f"within {Worker.request_seconds:.0f} seconds"),
        (catalogue.PAYLOAD_TOO_LARGE, f"over {settings.API_MAX_BODY_BYTES / 1024:.0f} KiB"),
        (catalogue.URI_TOO_LONG, f"over {LINE_BYTES / 1024:.0f} KiB"),
        (catalogue.TOO_MANY_REPORTS, f"more than {REPORTS_PER_HOUR} times in an hour"),
    ],
    ids=lambda value: getattr(value, "code", None),
)
def test_the_limits_in_meanings_are_those_of_the_code(error, limit):
    assert limit in error.meaning
