"""The report shows which targets are missed, and by how much."""

from __future__ import annotations

import pytest

from bench.report import Section, Target, document, table


@pytest.mark.parametrize(
    ("target", "cells"),
    [
        (Target("a", "SQLite", 0.2504, "≤", 0.25), ["≤ 0.25", "0.250", "**missed by 0.000**"]),
        (Target("a", "SQLite", 0.25, "≤", 0.25), ["≤ 0.25", "0.250", "reached"]),
        (Target("a", "SQLite", 2.4, "≥", 2.5), ["≥ 2.5", "2.400", "**missed by 0.100**"]),
        (Target("a", "a request", 16.8, "≤", 15, " µs"), ["≤ 15 µs", "16.8 µs", "**missed by 1.8 µs**"]),
    ],
)
def test_a_target_is_compared_with_the_measured_figure(target, cells):
    assert target.cells()[2:] == cells


def test_the_document_counts_targets_and_has_every_section(monkeypatch):
    monkeypatch.setattr("bench.report.machine", lambda services: f"- on {', '.join(services)}")
    reached, missed = Target("first", "SQLite", 1, "≤", 2), Target("second", "SQLite", 3, "≤", 2)

    text = document([Section("One", "text", [reached]), Section("Two", "more", [missed])], ["SQLite 3"])

    assert "1 of 2 targets are reached." in text
    assert "- on SQLite 3" in text
    assert "| second | SQLite | ≤ 2 | 3.000 | **missed by 1.000** |" in text
    assert text.endswith("## One\n\ntext\n\n## Two\n\nmore\n")


def test_a_table_aligns_figures_to_the_right():
    assert table(["", "µs"], [["valid", "1"]]) == "|  | µs |\n| --- | ---: |\n| valid | 1 |"
