"""Shows a failed test at once, because a run may be cut off, and keeps its services' logs."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from testing import programs

KEPT = Path(os.environ.get("TEST_LOGS", Path(__file__).resolve().parents[1] / "var" / "test-logs"))


class AtOnce:
    """Prints each failure at once; pytest itself prints them only at the end."""

    def __init__(self, terminal):
        self._terminal = terminal

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report):
        if report.failed:
            self._terminal.ensure_newline()
            self._terminal.write_sep("_", f"{report.when} of {report.nodeid}", red=True)
            self._terminal.write_line(report.longreprtext)
            for name, text in report.sections:
                self._terminal.write_sep("-", name)
                self._terminal.write_line(text)


@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal:  # the workers of pytest-xdist have none
        config.pluginmanager.register(AtOnce(terminal))


def pytest_sessionstart(session):
    if "PYTEST_XDIST_WORKER" not in os.environ:
        shutil.rmtree(KEPT, ignore_errors=True)


def pytest_runtest_logstart():
    programs.ended_logs.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed and (kept := keep_logs(item.nodeid)):
        report.sections.append(("logs of services", "\n".join(str(path) for path in kept)))
    return report


def keep_logs(nodeid: str) -> list[Path]:
    """Write the end of each service's log into a folder for the test; return the files."""
    folder = KEPT / re.sub(r"[^\w.-]+", "_", nodeid)[-150:]
    kept = []
    for name, end in programs.ends_of_logs().items():
        if end:
            folder.mkdir(parents=True, exist_ok=True)
            kept.append(folder / f"{name}.log")
            kept[-1].write_bytes(end)
    return kept
