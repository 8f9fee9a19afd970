"""The image and compose.yaml agree with each other and with the code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from fnmatch import fnmatch
from ipaddress import ip_address, ip_network

import pytest
import yaml

from testing.image import instructions
from testing.server import ROOT
from wizchat.api import catalogue
from wizchat.tests.test_environment import variables

COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
APPS = ("app", "migrate", "housekeeping", "worker")
FINAL = instructions()[-1]


@pytest.mark.parametrize("service", APPS)
def test_every_variable_is_read_by_something(service):
    assert set(SERVICES[service]["environment"]) <= set(variables())


def test_an_operator_can_set_every_variable_that_compose_does_not_set_itself():
    environment = SERVICES["app"]["environment"]
    not_for_operators = {"DEBUG", "HTTPS_ONLY", "HOST", "PORT", "DATABASE_POOLER", "DEMO_PASSWORD"}

    assert set(variables()) - set(environment) == not_for_operators
    for name in environment.keys() - {"DATABASE_URL", "CACHE_URL", "TRUSTED_PROXIES"}:
        assert environment[name].startswith(f"${{{name}:"), name


def test_no_secret_is_written_down():
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search("SECRET|PASSWORD|TOKEN", name):
                assert re.fullmatch(r"\$\{\w+:[?-]\}", value), name


@pytest.mark.parametrize("service", APPS)
def test_the_server_has_no_more_privileges_than_it_needs(service):
    assert SERVICES[service]["read_only"] is True
    assert "cap_add" not in SERVICES[service]


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_confined(service):
    options = SERVICES[service]
    assert options["cap_drop"] == ["ALL"]
    assert options["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"\d+[mg]", options["mem_limit"])


def test_the_server_is_reachable_only_through_the_proxy():
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]


def test_the_proxy_is_the_one_that_is_trusted():
    address = SERVICES["proxy"]["networks"]["inside"]["ipv4_address"]
    assert SERVICES["app"]["environment"]["TRUSTED_PROXIES"] == address


@pytest.mark.parametrize("service", ["proxy", "app"])
def test_no_other_service_can_get_a_fixed_address(service):
    address = ip_address(SERVICES[service]["networks"]["inside"]["ipv4_address"])
    (network,) = COMPOSE["networks"]["inside"]["ipam"]["config"]
    assert address in ip_network(network["subnet"])
    assert address not in ip_network(network["ip_range"])
    assert address != ip_network(network["subnet"])[1], "the gateway's"


def test_the_proxy_gets_every_variable_of_its_configuration():
    template = (ROOT / "deploy" / "nginx" / "wizchat.conf.template").read_text()
    assert set(re.findall(r"\$\{(\w+)\}", template)) == set(SERVICES["proxy"]["environment"])


def test_the_proxys_own_responses_use_the_catalogues_messages():
    template = (ROOT / "deploy" / "nginx" / "wizchat.conf.template").read_text()
    texts = dict(re.findall(r"^    (default|\d{3}) '(\"code\".*)';$", template, re.MULTILINE))

    assert texts.keys() == {"default", "400", "405", "413", "414", "431", "503"}
    for status, text in texts.items():
        error = (
            catalogue.INVALID_HTTP
            if status == "400"
            else catalogue.for_status(int(status.replace("default", "500")))
        )
        assert json.loads(f'{{"error":{{{text}}}}}') == error.body(), status


def test_every_mounted_file_except_the_certificates_is_in_the_repository():
    for volume in SERVICES["proxy"]["volumes"]:
        source = volume.partition(":")[0].removeprefix("./")
        assert (ROOT / source).exists() or source == "deploy/tls"


def test_the_default_site_of_the_proxys_image_is_replaced():
    targets = {volume.split(":")[1] for volume in SERVICES["proxy"]["volumes"]}
    assert "/etc/nginx/templates/default.conf.template" in targets


@pytest.mark.parametrize("service", SERVICES)
def test_no_log_fills_the_disk(service):
    logging = SERVICES[service]["logging"]
    assert logging["driver"] == "json-file", "the one that both Docker and podman know"
    assert re.fullmatch(r"\d+m", logging["options"]["max-size"])
    assert int(logging["options"]["max-file"]) > 1


def test_nothing_starts_before_its_dependencies():
    assert SERVICES["app"]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    for name in ("database", "cache"):
        assert SERVICES["migrate"]["depends_on"][name]["condition"] == "service_healthy"
        assert SERVICES[name]["healthcheck"]["test"]


def test_the_worker_starts_after_the_migrations_and_stops_on_sigterm():
    worker = SERVICES["worker"]

    assert worker["command"] == ["python", "manage.py", "worker"]
    assert worker["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert worker["environment"] == SERVICES["app"]["environment"]
    assert worker["init"] is True
    assert worker["restart"] == "unless-stopped"


def test_every_image_has_a_version():
    images = [service["image"] for service in SERVICES.values() if service["image"] != "wizchat"]
    bases = {stage[0][1].split()[0] for stage in instructions()}
    assert all(re.search(r":\d", image) for image in [*images, *bases])


def test_the_image_runs_unprivileged_and_has_a_health_check():
    settings = dict(FINAL)
    assert int(settings["USER"]) > 0
    assert settings["HEALTHCHECK"].endswith('CMD ["python", "-m", "scripts.alive"]')
    assert settings["CMD"] == '["python", "-m", "wizchat.gunicorn"]'


def test_the_image_has_no_database_and_its_static_files_can_be_read(tmp_path):
    (command,) = [rest for name, rest in instructions()[0] if name == "RUN" and "collectstatic" in rest]
    variables = [word for word in command.split() if re.fullmatch("[A-Z_]+=.*", word)]
    load = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from wizchat.environment import Environment
Environment(Path()).database("DATABASE_URL", default="sqlite:///var/wizchat.sqlite3", statement_seconds=1)
"""

    subprocess.run(
        ["env", "-u", "DATABASE_URL", *variables, sys.executable, "-c", load, ROOT],
        cwd=tmp_path,
        check=True,
        timeout=60,
    )

    assert list(tmp_path.iterdir()) == []


def test_compose_and_the_image_have_the_same_health_check():
    options, _, command = dict(FINAL)["HEALTHCHECK"].partition("CMD ")
    check = dict(option.removeprefix("--").replace("-", "_").split("=") for option in options.split())
    asked = {name: str(value) for name, value in SERVICES["app"]["healthcheck"].items() if name != "test"}
    assert asked == check
    assert SERVICES["app"]["healthcheck"]["test"] == ["CMD", *json.loads(command)]


def test_the_image_has_only_what_the_server_needs():
    ignored = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    kept = {file for file in files if not any(is_ignored(file, pattern) for pattern in ignored)}

    assert {"manage.py", "gunicorn.conf.py", "requirements.lock", "scripts/alive.py"} <= kept
    assert not [file for file in kept if "test" in file or file.startswith((".", "bench", "docs"))]


def is_ignored(file, pattern):
    parents = [file, *("/".join(file.split("/")[:depth]) for depth in range(1, file.count("/") + 1))]
    if pattern.startswith("**/"):
        return any(parent.split("/")[-1] == pattern[3:] for parent in parents)
    return any("/" not in parent and fnmatch(parent, pattern) for parent in parents)
