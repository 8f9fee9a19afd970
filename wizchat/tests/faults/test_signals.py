"""The server is stopped or killed while it is working."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from testing.client import Load, call
from testing.services import children, wait_until
from wizchat.tests.faults.conftest import used, waiting

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("faults")]

IN_FLIGHT = 12


def workers(server):
    """Return the process ids of a server's workers."""
    return children(server.process.pid)


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

    assert server.process.wait(30) == 0
    assert quick == [200] * 30
    assert statuses == [200] * IN_FLIGHT
    assert used(postgres, key) == 30 + IN_FLIGHT


def test_on_sigterm_it_waits_for_a_frozen_database_no_longer_than_a_request(serve, postgres, member):
    server = serve(DATABASE_TIMEOUT="1", WEB_CONCURRENCY="2")
    key = server.issue(member)
    served = [call(server.url, key).status for _ in range(20)]

    with postgres.frozen(), ThreadPoolExecutor(IN_FLIGHT) as threads:
        held = [threads.submit(call, server.url, key) for _ in range(IN_FLIGHT)]
        time.sleep(0.5)  # long enough for all requests to be in progress
        status = server.stop(within=30)  # the time that a worker has for stopping
        statuses = [answer.result().status for answer in held]

    assert served == [200] * 20
    assert statuses == [503] * IN_FLIGHT
    assert status == 0


def test_on_sigkill_it_loses_only_a_second_of_usage(serve, postgres, member):
    server = serve()
    key = server.issue(member, "admin")
    made = call(server.url, key, "POST", body={"name": "Made before"})

    with Load(server.url, key) as load:
        wait_until(lambda: len(load.answers) > 50, "load")
        time.sleep(2)  # so that some usage is older than the interval of writing
        children = workers(server)
        killed_at = time.monotonic()
        for pid in [server.process.pid, *children]:
            os.kill(pid, signal.SIGKILL)
        server.process.wait()
        wait_until(lambda: len(load.broken) > 10, "refused connections")

    written_before = killed_at - 1.5  # an interval, and half a second for the writing itself
    least = sum(answer.status == 200 and answer.began_at < written_before for answer in load.answers)
    most = sum(answer.status == 200 for answer in load.answers)
    assert load.statuses == {200}
    assert 0 < least <= used(postgres, key) <= most + len(load.broken) + 1

    server.start()
    listed = call(server.url, key)
    assert made.json["id"] in [chatbot["id"] for chatbot in listed.json["results"]]


def test_a_killed_worker_is_replaced_while_others_keep_serving(cluster, key):
    before = workers(cluster)
    os.kill(before[0], signal.SIGKILL)

    wait_until(lambda: len(set(workers(cluster)) - set(before)) == 1, "a new worker")
    statuses = {call(cluster.url, key).status for _ in range(20)}

    assert statuses == {200}
