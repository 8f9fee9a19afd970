"""Documents name what the code has: permissions, reasons for a refusal, tests of the threat model."""

from __future__ import annotations

import re

from apikeys.core.outcomes import REASONS
from apikeys.models import Permission
from bench.scaling import ROWS
from testing.server import ROOT

CODE = ("apikeys", "chatbots", "scripts", "wizchat")


def test_the_readme_lists_every_permission_in_the_models_words():
    readme = (ROOT / "README.md").read_text()

    for permission in Permission:
        assert f"| {permission.label} | {permission.description} |" in readme


def test_the_deployment_guide_lists_every_reason_and_no_other():
    guide = (ROOT / "docs/deployment.md").read_text()
    table = guide.partition("<!-- reasons -->")[2].partition("\n\n")[0]

    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == [reason.value for reason in REASONS]


def test_the_page_on_scaling_explains_every_row_of_the_arithmetic_and_no_other():
    page = (ROOT / "docs/scaling.md").read_text()

    assert set(re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", page)) == set(ROWS)


def test_the_threat_model_names_tests_that_exist():
    model = (ROOT / "docs/security.md").read_text()
    files = [file for folder in CODE for file in (ROOT / folder).rglob("test_*.py")]
    code = "\n".join(file.read_text() for file in files)

    for name in re.findall(r"`(test_\w+)`", model):
        assert f"def {name}(" in code, name
    for name in re.findall(r"`([\w/]*test_\w+\.py)`", model):
        assert any(str(file).endswith(name) for file in files), name
