"""Measures everything in one run and writes docs/benchmarks.md: ``python -m bench [--quick] [PART …]``.

With parts, measures only those, and prints the results instead. ``--quick`` runs a few rounds on SQLite,
to check that the benchmarks themselves work.
"""

from __future__ import annotations

import argparse
import sys
from collections import ChainMap

from bench import authentication, costs, http, memory, processes, requests, restart, scaling
from bench.report import document
from bench.services import Services
from bench.workers import ROOT

PARTS = {
    "requests": requests.measure,
    "authentication": authentication.measure,
    "costs": costs.measure,
    "http": http.measure,
    "processes": processes.measure,
    "restart": restart.measure,
    "memory": memory.measure,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("--quick", action="store_true", help="a few rounds on SQLite; writes nothing")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of: {', '.join(PARTS)}")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}: choose from {', '.join(PARTS)}")
    with Services(quick=arguments.quick) as services:
        found = [PARTS[part](services) for part in arguments.parts or PARTS]
        sections = [section for sections in found for section in sections]
        if not arguments.parts:
            sections.append(scaling.section(ChainMap(*(section.figures for section in sections))))
        text = document(sections, services.versions())
    if not (arguments.quick or arguments.parts):
        (ROOT / "docs" / "benchmarks.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
