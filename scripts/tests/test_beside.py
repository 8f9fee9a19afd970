"""The worker beside the server of ``make run`` lives exactly as long as the server."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from testing.server import ROOT
from testing.services import children, wait_until

# The last steps of run.py, with a different server and worker.
RUN = """
import os, signal, sys
from pathlib import Path
from scripts import run
signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs ignore it
run.ROOT = Path(sys.argv[1])
run.start_worker()
os.execv(sys.executable, [sys.executable, "-c", sys.argv[2]])
"""
SERVER = "import signal; signal.pause()"
FORKED = "import os, signal; os.fork(); signal.pause()"
WORKER = """
import os, signal, sys
from pathlib import Path
assert sys.argv[1:] == ["worker"]
with Path("started").open("a") as file:
    file.write(f"{os.getpid()}\\n")
signal.signal(signal.SIGTERM, lambda *_: Path("stopped").touch() or sys.exit())
signal.signal(signal.SIGINT, lambda *_: Path("interrupted").touch())
while True:
    signal.pause()
"""


@pytest.fixture
def root(tmp_path):
    (tmp_path / "scripts").mkdir()
    for name in ("__init__.py", "beside.py"):
        (tmp_path / "scripts" / name).write_text((ROOT / "scripts" / name).read_text())
    (tmp_path / "manage.py").write_text(WORKER)
    return tmp_path


def started(root):
    """Return the process ids of all workers that were started."""
    path = root / "started"
    return [int(line) for line in path.read_text().split("\n")[:-1]] if path.exists() else []


@pytest.fixture
def start(root):
    """Return a function that starts a server in its own process group and waits for its worker."""
    processes = []

    def start(server=SERVER):
        command = [sys.executable, "-c", RUN, str(root), server]
        processes.append(subprocess.Popen(command, cwd=ROOT, process_group=0))
        wait_until(lambda: started(root), "the worker's start")
        return processes[-1]

    yield start
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    # Some are left only if a test failed.
    for pid in started(root):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def is_gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_worker_is_told_to_stop_when_the_server_has_ended(start, root, number):
    server = start()
    server.send_signal(number)
    server.wait()

    wait_until(lambda: (root / "stopped").exists(), "the worker's end")
    wait_until(lambda: is_gone(started(root)[0]), "its process's end")


def test_the_worker_is_there_until_the_last_process_of_the_server_has_ended(start, root):
    server = start(FORKED)
    wait_until(lambda: len(children(server.pid)) == 2, "the server's second process")
    group = server.pid
    server.kill()
    server.wait()

    assert not is_gone(started(root)[0])
    os.killpg(group, signal.SIGKILL)
    wait_until(lambda: is_gone(started(root)[0]), "the worker's end")


def test_control_c_reaches_the_worker_through_the_server_alone(start, root):
    server = start()
    os.killpg(server.pid, signal.SIGINT)
    server.wait()

    wait_until(lambda: (root / "stopped").exists(), "the worker's end")
    assert not (root / "interrupted").exists()


def test_a_worker_that_ends_is_started_again(start, root):
    beside = root / "scripts" / "beside.py"
    beside.write_text(beside.read_text().replace("RESTART_SECONDS = 10", "RESTART_SECONDS = 0"))
    start()
    os.kill(started(root)[0], signal.SIGKILL)

    wait_until(lambda: len(started(root)) == 2, "the second worker")
