"""Documents agree with the code on permissions, reasons, commands, variables, metrics, modules and tests."""

from __future__ import annotations

import re

from django.core.management import get_commands, load_command_class

from apikeys.core.outcomes import REASONS
from apikeys.models import Permission
from bench.scaling import ROWS
from testing.server import ROOT
from wizchat.tests.test_environment import variables

CODE = ("apikeys", "chatbots", "scripts", "wizchat")


def test_the_readme_lists_every_permission_as_the_model_describes_it():
    readme = (ROOT / "README.md").read_text()

    for permission in Permission:
        assert f"| {permission.label} | {permission.description} |" in readme


def test_the_deployment_guide_lists_exactly_the_reasons():
    guide = (ROOT / "docs/deployment.md").read_text()
    table = guide.partition("<!-- reasons -->")[2].partition("\n\n")[0]

    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == [reason.value for reason in REASONS]


def test_the_page_on_scaling_explains_exactly_the_rows_of_the_table():
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


def test_the_readme_lists_each_of_our_commands_once():
    listed = re.findall(
        r"^python manage\.py (\w+)(?: (\w+))?", (ROOT / "README.md").read_text(), re.MULTILINE
    )

    ours = {name for name, app in get_commands().items() if app.split(".")[0] in CODE}
    parser = load_command_class("apikeys", "apikey").create_parser("manage.py", "apikey")
    verbs = next(action for action in parser._actions if action.dest == "command").choices
    expected = {("apikey", verb) for verb in verbs} | {(name, "") for name in ours - {"apikey"}}
    assert sorted(listed) == sorted(expected | {("createsuperuser", "")})


def test_the_readme_lists_no_unused_variable():
    table = (ROOT / "README.md").read_text().partition("| variable |")[2].partition("\n\n")[0]
    listed = {name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}

    assert listed == set(variables()) | {"HOST", "PORT"}


def test_the_deployment_guide_lists_exactly_the_metrics(client, db, settings):
    settings.METRICS_TOKEN = "t"
    told = client.get("/metrics", headers={"Authorization": "Bearer t"}).text
    guide = (ROOT / "docs/deployment.md").read_text()

    kept = {
        name for name in re.findall(r"^# TYPE (wizchat_\w+)", told, re.MULTILINE) if "_created" not in name
    }
    assert set(re.findall(r"`(wizchat_\w+?)(?:\{\w+\})?`", guide)) == {
        it for it in kept if "_created" not in it
    }


def test_the_architecture_names_every_package_and_no_missing_module():
    text = (ROOT / "docs/architecture.md").read_text()
    table = text.partition("| place |")[2].partition("\n\n")[0]
    code = [path for folder in CODE for path in (ROOT / folder).rglob("*.py")]
    packages = {str(path.parent.relative_to(ROOT)) for path in code if "tests" not in path.parts}

    for row in table.splitlines()[2:]:
        places, told = row.split(" | ", 1)
        for place in re.findall(r"`([^`]+)`", places):
            assert [*ROOT.glob(place)] or [*ROOT.glob(f"**/{place}")], place
            packages -= {place.rstrip("/")}
        for name in re.findall(r"`([a-z_]+)`", told):
            assert any(path.stem == name or path.parent.name == name for path in code), name
    # The document names "apikeys" by its packages; Django dictates the other names.
    assert [
        it for it in packages - {"apikeys"} if not re.search("management|migrations|templatetags", it)
    ] == []
