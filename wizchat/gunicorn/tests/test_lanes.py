"""A flood of refused requests queues behind itself, not in front of everyone else."""

from __future__ import annotations

from threading import Event, local
from types import SimpleNamespace

import pytest

from wizchat.gunicorn.lanes import TwoLanes
from wizchat.gunicorn.wsgi import noting_refusals


@pytest.fixture
def lanes():
    lanes = TwoLanes(2)
    yield lanes
    lanes.shutdown()


def test_refused_connections_take_one_thread_and_leave_the_others_free(lanes):
    over = Event()
    flood = [lanes.submit(lambda conn: over.wait(30), SimpleNamespace(refused=True)) for _ in range(50)]

    assert lanes.submit(lambda conn: "served", SimpleNamespace(refused=False)).result(30) == "served"
    assert lanes.submit(lambda conn: "served", SimpleNamespace()).result(30) == "served"

    assert not any(waiting.done() for waiting in flood)
    over.set()
    assert all(waiting.result(30) for waiting in flood)


@pytest.mark.parametrize(
    ("status", "refused"),
    [
        ("401 Unauthorized", True),
        ("429 Too Many Requests", True),
        ("403 Forbidden", False),
        ("200 OK", False),
    ],
)
def test_a_connection_is_judged_by_its_last_response(status, refused):
    serving = local()
    serving.conn = SimpleNamespace(refused=not refused)

    def application(environ, start_response):
        start_response(status, [])
        return [b""]

    started = []
    noting_refusals(application, serving)({}, lambda *arguments: started.append(arguments))

    assert serving.conn.refused is refused
    assert started == [(status, [])]
