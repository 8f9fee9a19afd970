"""``make images`` writes the digest of each base image after its tag, for all of them or for none."""

import hashlib
import os
import shutil

import pytest

from scripts import images
from scripts.tests.test_scripts import make_tool
from testing.server import ROOT

MANIFEST = "a list of manifests"
DIGEST = f"sha256:{hashlib.sha256(MANIFEST.encode()).hexdigest()}"


@pytest.fixture
def root(tmp_path, monkeypatch):
    for name in images.FILES:
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    return tmp_path


def texts(root):
    return [(root / name).read_text() for name in images.FILES]


def test_a_tag_that_was_moved_does_not_reach_production():
    found = [match for name in images.FILES for match in images.IMAGE.finditer((ROOT / name).read_text())]

    assert len(found) == 5
    assert [match[0] for match in found if not match[2]] == []


def test_every_image_is_pinned_to_the_digest_of_what_the_registry_sends(root):
    make_tool(root, "skopeo", f'case "$*" in *docker://docker.io/library/*) printf "{MANIFEST}";; esac')

    images.main(root)

    found = [match for text in texts(root) for match in images.IMAGE.finditer(text)]
    assert {match[2] for match in found} == {f"@{DIGEST}"}
    assert {match[1].rpartition("/")[2].partition(":")[0] for match in found} == {
        "python",
        "nginx",
        "postgres",
        "redis",
    }


def test_an_older_digest_is_replaced_and_the_tag_stays(root):
    old = "FROM docker.io/library/python:3.11-slim@sha256:" + "0" * 64 + " AS build\n"

    new = images.pin(old, {"docker.io/library/python:3.11-slim": DIGEST})

    assert new == f"FROM docker.io/library/python:3.11-slim@{DIGEST} AS build\n"


def test_a_registry_that_does_not_respond_changes_nothing_and_is_reported(root):
    make_tool(root, "skopeo", 'case "$*" in *redis*) echo "no such host" >&2; exit 1;; esac; echo manifest')
    before = texts(root)

    with pytest.raises(SystemExit, match=r"redis.* can't be looked up.\nno such host"):
        images.main(root)

    assert texts(root) == before


def test_without_skopeo_nothing_is_changed_and_the_error_says_why(root, monkeypatch):
    monkeypatch.setenv("PATH", str(root))
    before = texts(root)

    with pytest.raises(SystemExit, match="needs skopeo"):
        images.main(root)

    assert texts(root) == before
