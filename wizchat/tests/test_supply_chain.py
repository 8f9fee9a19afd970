"""Installed packages are the locked ones, with hashes, and direct requirements are as pinned."""

import re
import subprocess
import sys

import pytest

from testing.server import ROOT

SETS = ("requirements", "requirements-dev", "requirements-bench")


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def asked(name):
    """Return the pins in a hand-written file, following ``-r``."""
    pins = {}
    for line in (ROOT / f"{name}.txt").read_text().splitlines():
        line = line.partition("#")[0].strip()
        if line.startswith("-r "):
            pins |= asked(line.removeprefix("-r ").removesuffix(".txt"))
        elif line:
            package, version = line.split("==")
            pins[normal(package)] = version
    return pins


def locked(name):
    """Return each entry of a lock file by package: version, hashes, whether it is a direct requirement."""
    entries = {}
    text = (ROOT / f"{name}.lock").read_text()
    for entry in re.split(r"\n(?=[a-z0-9])", text):
        package, version = re.match(r"([\w.\[\],-]+)==([\w.]+)", entry).groups()
        hashes = re.findall(r"--hash=(\w+):(\w+)", entry)
        entries[normal(package)] = (version, hashes, bool(re.search(r"(via|#  ) +-r ", entry)))
    return entries


@pytest.mark.parametrize("name", SETS)
def test_a_lock_agrees_with_the_hand_written_pins(name):
    direct = {package: version for package, (version, _, is_direct) in locked(name).items() if is_direct}

    assert direct == asked(name), "run `make lock`"


def test_every_direct_dependency_has_its_reason():
    decision = (ROOT / "docs/decisions/0002-dependencies.md").read_text()
    rows = re.findall(r"^\| (.+?) \|", decision, re.MULTILINE)
    explained = {normal(word) for row in rows for word in re.findall(r"[\w.-]+", row)}

    packages = {package.partition("[")[0] for name in SETS for package in asked(name)}

    assert packages <= explained


@pytest.mark.parametrize("name", SETS)
def test_every_package_is_locked_by_hashes(name):
    for package, (_, hashes, _) in locked(name).items():
        assert hashes, package
        assert all(kind == "sha256" and re.fullmatch("[0-9a-f]{64}", value) for kind, value in hashes)


def test_a_lock_includes_the_dependencies_of_extras():
    assert {"psycopg[binary]", "psycopg-binary", "redis[hiredis]", "hiredis"} <= set(locked("requirements"))


@pytest.mark.parametrize("name", SETS[1:])
def test_tests_and_benchmarks_use_the_servers_versions(name):
    own = locked(name)

    for package, (version, hashes, _) in locked("requirements").items():
        assert own[package][:2] == (version, hashes), "run `make lock`"


@pytest.mark.parametrize("name", SETS)
def test_a_lock_names_no_index(name):
    assert "://" not in (ROOT / f"{name}.lock").read_text()


@pytest.mark.parametrize("file", ["Makefile", "Containerfile"])
def test_everything_is_installed_from_a_lock_with_hashes(file):
    text = (ROOT / file).read_text()

    assert "--require-hashes" in text
    assert not re.search(r"(?<!compile)[^\n]*(PIP|pip install)[^\n]* -r [\w-]+\.txt", text)


def test_a_tampered_package_is_not_installed(tmp_path):
    source = tmp_path / "swapped"
    source.mkdir()
    (source / "pyproject.toml").write_text('[project]\nname = "sqlparse"\nversion = "0.6.1"\n')
    archive = tmp_path / "sqlparse-0.6.1.tar.gz"
    subprocess.run(["tar", "-czf", archive, "-C", tmp_path, "swapped"], check=True)
    version = locked("requirements")["sqlparse"][0]
    lock = (ROOT / "requirements.lock").read_text()
    only = re.search(
        rf"^sqlparse=={re.escape(version)} \\\n(?:    --hash=\S+(?: \\)?\n)+", lock, re.MULTILINE
    )[0]
    (tmp_path / "lock").write_text(only.replace(f"=={version}", f" @ {archive.as_uri()}"))

    done = subprocess.run(
        [
            *[sys.executable, "-m", "pip", "install", "--require-hashes", "--no-index", "--no-deps"],
            *["--target", str(tmp_path / "out"), "-r", str(tmp_path / "lock")],
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr
    assert not (tmp_path / "out").exists()
