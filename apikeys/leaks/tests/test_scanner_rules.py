"""The rules for secret scanners find our keys, and nothing that only looks like one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from apikeys.core import keyformat
from testing.samples import NODE

RULES = Path(__file__).resolve().parents[3] / "docs" / "secret-scanning"
SURROUNDINGS = [
    "{}",
    'WIZCHAT_API_KEY="{}"',
    "curl -H 'Authorization: Bearer {}' \\",
    "see {}, please",
    "x={};",
]


def python(text):
    return run([sys.executable, RULES / "wizchat_key.py"], text)


def javascript(text):
    return run([NODE, RULES / "wizchat_key.mjs"], text)


def run(command, text):
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.split()


@pytest.fixture
def keys():
    return [str(keyformat.generate()) for _ in range(200)]


@pytest.fixture
def look_alikes(keys):
    """Keys with one character changed, cut, lengthened or within a longer word."""
    key = keys[0]
    other = "a" if key[20] != "a" else "b"
    changed = key[:20] + other + key[21:]
    return [changed, key[:-1], key + "0", key.upper(), f"x{key}", f"_{key}", f"wzc_{'0' * 12}_{'0' * 49}"]


@pytest.mark.parametrize("find", [python, javascript])
def test_each_language_finds_every_key_and_no_look_alike(find, keys, look_alikes):
    lines = [SURROUNDINGS[number % len(SURROUNDINGS)].format(key) for number, key in enumerate(keys)]

    assert find("\n".join([*lines, *look_alikes])) == keys


def test_detect_secrets_finds_every_key_and_no_look_alike(keys, look_alikes, tmp_path):
    lines = [SURROUNDINGS[number % len(SURROUNDINGS)].format(key) for number, key in enumerate(keys)]
    (tmp_path / "leak.txt").write_text("\n".join([*lines, *look_alikes]))
    plugin = RULES / "detect_secrets_wizchat.py"

    done = subprocess.run(
        [sys.executable, "-m", "detect_secrets", "scan", "--all-files", "-p", plugin, "leak.txt"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )

    found = json.loads(done.stdout)["results"]["leak.txt"]
    ours = [secret["line_number"] for secret in found if secret["type"] == "WizChat API key"]
    assert sorted(ours) == list(range(1, len(keys) + 1))


def test_the_rule_for_gitleaks_finds_every_key(keys):
    (rule,) = tomllib.loads((RULES / "gitleaks.toml").read_text())["rules"]
    pattern = re.compile(rule["regex"])

    for number, key in enumerate(keys):
        line = SURROUNDINGS[number % len(SURROUNDINGS)].format(key)
        assert pattern.search(line)[rule["secretGroup"]] == key
        assert any(keyword in line for keyword in rule["keywords"])
    for text in (keys[0][:-1], f"{keys[0]}0", f"x{keys[0]}"):
        assert not pattern.search(text)


def test_the_pattern_in_the_document_finds_every_key(keys):
    (pattern,) = re.findall(r"```\n(.+)\n```", (RULES / "README.md").read_text())

    assert re.findall(pattern, "\n".join(keys)) == keys
