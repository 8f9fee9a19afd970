"""Documents that list errors list exactly those of the catalogue."""

from __future__ import annotations

from pathlib import Path

from wizchat.api.catalogue import ERRORS, for_status

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
