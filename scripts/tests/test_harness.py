"""The test harness: tests share only what they should, and failures keep their logs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from testing.client import call
from testing.programs import free_port, logs
from testing.server import SERVERS_EACH, TEST_PROCESSES, Server, cache_number
from testing.services import Redis, children

TESTS = """
from pathlib import Path
from testing.programs import close_log, logs

def test_closes_a_service():
    logs["earlier"] = Path(__file__).with_name("earlier.log")
    logs["earlier"].write_text("what an earlier test's service said")
    close_log("earlier")

def test_fails():
    for name in ("service", "closed"):
        logs[name] = Path(__file__).with_name(f"{name}.log")
        logs[name].write_text(f"what the {name} said")
    close_log("closed")
    Path(__file__).with_name("closed.log").unlink()
    assert "this" == "that"

def test_later():
    pass
"""


def test_no_two_servers_of_a_run_share_a_cache(monkeypatch):
    numbers = []
    for worker in ("gw0", "gw1"):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)
        numbers += [cache_number() for _ in range(40)]

    assert len(set(numbers)) == 80
    assert min(numbers) >= TEST_PROCESSES
    assert max(numbers) < TEST_PROCESSES + 2 * SERVERS_EACH < Redis.DATABASES


def test_a_services_port_is_never_one_that_the_system_gives_to_clients():
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])

    assert {free_port() < first for _ in range(20)} == {True}


def test_a_closed_server_leaves_no_process_and_no_log(tmp_path):
    before, known = children(os.getpid()), set(logs)
    server = Server(tmp_path).start()
    assert call(server.url).status == 401

    assert server.stop() == 0
    assert [server.shell(f"print({number})") for number in (1, 2)] == ["1\n", "2\n"]
    server.close()

    assert (children(os.getpid()), set(logs)) == (before, known)


def test_a_failure_is_shown_at_once_and_keeps_the_logs_of_services(tmp_path):
    (tmp_path / "test_it.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-p", "testing.failures", "-v", "-c", os.devnull]
    done = subprocess.run(
        [*command, "--rootdir", str(tmp_path), str(tmp_path)],
        env=os.environ | {"TEST_LOGS": str(tmp_path / "kept"), "THROWAWAY_LOGS": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )

    before, _, after = done.stdout.partition("::test_later")
    assert "assert 'this' == 'that'" in before
    assert "1 failed, 2 passed" in after
    kept = {path.stem: path for path in (tmp_path / "kept").rglob("*.log")}
    assert {name: path.read_text() for name, path in kept.items()} == {
        "service": "what the service said",
        "closed": "what the closed said",
    }
    assert all(str(path) in before for path in kept.values())
