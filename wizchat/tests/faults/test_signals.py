"""The server is stopped or killed while it is working."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from testing.client import Load, call
from testing.services import children, wait_until
from wizchat.tests.faults.conftest import used, waiting

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("faults")]

IN_FLIGHT = 12
ESTABLISHED, NOTHING, NOT_ACCEPTED = "01", "00000000", "0"


def workers(server):
    """Return the process ids of a server's workers."""
    return children(server.process.pid)


def taken(server):
    """Return how many connections ``server`` has accepted and has read all data from, as Linux reports it."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(
        local.endswith(f":{server.port:04X}")
        and state == ESTABLISHED
        and queues.endswith(f":{NOTHING}")
        and inode != NOT_ACCEPTED
        for _, local, _, state, queues, _, _, _, _, inode, *_ in rows
    )


def test_on_sigterm_it_finishes_its_requests_and_writes_its_counts(serve, postgres, member):
    server = serve()
    key = server.issue(member)
    quick = [call(server.url, key).status for _ in range(30)]

    with ThreadPoolExecutor(IN_FLIGHT) as threads:
        with postgres.connect() as connection, connection.transaction():
            connection.execute("LOCK TABLE chatbots_chatbot IN ACCESS EXCLUSIVE MODE")
            slow = [threads.submit(call, server.url, key) for _ in range(IN_FLIGHT)]
            wait_until(lambda: waiting(postgres) == IN_FLIGHT, "requests in the middle of their work")
            server.process.terminate()
            time.sleep(0.5)  # long enough for a server that drops its requests to drop them
        statuses = [answer.result().status for answer in slow]

    assert server.process.wait(60) == 0
    assert quick == [200] * 30
    assert statuses == [200] * IN_FLIGHT
    assert used(postgres, key) == 30 + IN_FLIGHT


def test_on_sigterm_it_waits_for_a_frozen_database_no_longer_than_a_request(serve, postgres, member):
    server = serve(DATABASE_TIMEOUT="3", WEB_CONCURRENCY="2")
    key = server.issue(member)
    served = [call(server.url, key).status for _ in range(20)]

    with postgres.frozen(), ExitStack() as stack:
        held = [HTTPConnection(server.host, server.port, timeout=60) for _ in range(IN_FLIGHT)]
        for connection in held:
            stack.enter_context(closing(connection))
            connection.request("GET", "/v1/chatbots", headers={"Authorization": f"Bearer {key}"})
        wait_until(lambda: taken(server) == IN_FLIGHT, "requests that the workers have read")
        status = server.stop(within=30)  # the time that a worker has for stopping
        statuses = [connection.getresponse().status for connection in held]

    assert served == [200] * 20
    assert statuses == [503] * IN_FLIGHT
    assert status == 0


def test_on_sigkill_it_loses_only_the_last_usage(serve, postgres, member):
    server = serve()
    key = server.issue(member, "admin")
    made = call(server.url, key, "POST", body={"name": "Made before"})

    with Load(server.url, key) as load:
        wait_until(lambda: len(load.answers) > 50, "load")
        answered = len(load.answers)
        # The interval of writing is a second; the rest is for a busy machine.
        wait_until(lambda: used(postgres, key) >= answered, "usage of the first calls", within=10)
        processes = [server.process.pid, *workers(server)]
        written = used(postgres, key)
        for pid in processes:
            os.kill(pid, signal.SIGKILL)
        server.process.wait()
        wait_until(lambda: len(load.broken) > 10, "refused connections")

    assert load.statuses == {200}
    assert written <= used(postgres, key) <= len(load.answers) + len(load.broken) + 1

    server.start()
    listed = call(server.url, key)
    assert made.json["id"] in [chatbot["id"] for chatbot in listed.json["results"]]


def test_a_killed_worker_is_replaced_while_others_keep_serving(cluster, key):
    before = workers(cluster)
    os.kill(before[0], signal.SIGKILL)

    wait_until(lambda: len(set(workers(cluster)) - set(before)) == 1, "a new worker")
    statuses = {call(cluster.url, key).status for _ in range(20)}

    assert statuses == {200}
