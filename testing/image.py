"""Parses the Containerfile."""

from __future__ import annotations

from testing.server import ROOT


def instructions() -> list[list[tuple[str, str]]]:
    """Return the stages of the image, each a list of (instruction, arguments)."""
    stages: list[list[tuple[str, str]]] = []
    for line in (ROOT / "Containerfile").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        instruction, _, rest = line.partition(" ")
        if instruction == "FROM":
            stages.append([])
        stages[-1].append((instruction, rest))
    return stages
