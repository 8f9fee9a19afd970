"""Compressing static files."""

from __future__ import annotations

import os

import pytest

from wizchat.storage import CompressedFiles


@pytest.fixture
def storage(tmp_path):
    (tmp_path / "page.css").write_text("a { color: red }\n" * 100)
    return CompressedFiles(tmp_path, "/static/")


def collect(storage):
    return [name for name, *_ in storage.post_process({"page.css": (storage, "page.css")})]


def test_an_unchanged_file_is_left_alone_because_a_server_may_be_sending_it(storage, tmp_path):
    collect(storage)
    before = (tmp_path / "page.css.gz").stat().st_mtime_ns

    assert collect(storage) == []
    assert (tmp_path / "page.css.gz").stat().st_mtime_ns == before


def test_a_changed_file_is_compressed_again(storage, tmp_path):
    collect(storage)
    later = (tmp_path / "page.css.gz").stat().st_mtime + 10
    os.utime(tmp_path / "page.css", (later, later))

    assert len(collect(storage)) == 1
