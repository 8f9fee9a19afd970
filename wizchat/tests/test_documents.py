"""Documents and texts agree with the code: permissions, reasons, commands, variables, numbers and more."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from apikeys.api.idempotency import REMEMBERED
from apikeys.core.outcomes import REASONS
from apikeys.core.times import length
from apikeys.leaks.handling import KEYS_PER_REPORT
from apikeys.models import EXPIRES_SOON, Permission
from apikeys.models.rotations import GRACE_AFTER_FIRST_USE
from apikeys.notices.queue import LOOKED_BACK
from apikeys.pages.key_detail import ADDRESSES_SHOWN
from apikeys.usage.reports import DAYS
from bench.scaling import ROWS
from testing.server import ROOT
from wizchat.api.catalogue import KEY_REVOKED
from wizchat.api.pagination import MAX_PAGE_SIZE, PAGE_SIZE
from wizchat.tests.test_environment import variables

CODE = ("apikeys", "chatbots", "scripts", "wizchat")


def in_words(duration):
    return length(duration).replace("2 days", "two days")


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
    assert set(re.findall(r"`(wizchat_\w+?)(?:\{\w+\})?`", guide)) == kept


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("wizchat/api/openapi.py", f"if within {EXPIRES_SOON.days} days."),
        ("templates/docs/api_reference.html", f"Once a key has {EXPIRES_SOON.days} days or less to live"),
        ("templates/docs/api_reference.html", f"A list returns {PAGE_SIZE} objects per page"),
        ("templates/docs/api_reference.html", f"changes that, up to {MAX_PAGE_SIZE}."),
        ("templates/docs/api_reference.html", f"Within {length(REMEMBERED)}, this creates only one key"),
        ("templates/apikeys/_rotation.html", f"until {length(GRACE_AFTER_FIRST_USE)} after the new key"),
        ("templates/apikeys/key_reveal.html", f"until {length(GRACE_AFTER_FIRST_USE)} after this key"),
        ("templates/apikeys/_key_callers.html", f"Callers in the last {DAYS} days"),
        ("templates/apikeys/_key_usage.html", f"Last {DAYS} days"),
        ("templates/apikeys/_switchers.html", f"used in the last {DAYS} days"),
        ("templates/apikeys/_switchers.html", f"more=switchers|length|add:-{ADDRESSES_SHOWN}"),
        ("templates/apikeys/_switchers.html", f'in switchers|slice:":{ADDRESSES_SHOWN}"'),
        ("templates/apikeys/key_detail.html", f"Not used in the last {DAYS} days"),
        ("apikeys/admin/keys.py", f"refused in the last {DAYS} days"),
        ("templates/apikeys/key_revoke.html", f"gets 401 and “{KEY_REVOKED.message}”"),
        ("templates/docs/api_reference.html", json.dumps(KEY_REVOKED.body())),
        ("templates/leaks/too_many.html", f"report up to {KEYS_PER_REPORT:,} keys at once"),
        ("templates/notices/ended_in_use.txt", f"Requests in the last {in_words(LOOKED_BACK)}"),
        ("templates/notices/wrong_address.txt", f"Requests in the last {in_words(LOOKED_BACK)}"),
    ],
)
def test_numbers_and_messages_in_texts_are_those_of_the_code(file, text):
    assert text in (ROOT / file).read_text()


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
    named = {Path(name).stem for name in re.findall(r"`([\w/*.]+)`", table)}
    modules = {
        path.stem for path in code if not {"tests", "migrations", "commands", "scripts"} & {*path.parts}
    }
    assert modules - named == {"__init__", "__main__", "apps"}
    # The document names "apikeys" by its packages; Django dictates the other names.
    assert [
        it for it in packages - {"apikeys"} if not re.search("management|migrations|templatetags", it)
    ] == []
