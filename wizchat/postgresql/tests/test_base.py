"""The undocumented behaviour of psycopg and Django that the backend relies on."""

from __future__ import annotations

import socket
from importlib.metadata import version
from types import SimpleNamespace

import pytest

from wizchat.postgresql.base import CHECKED_AGAINST, Connection, DatabaseWrapper


@pytest.mark.parametrize("package", CHECKED_AGAINST)
def test_the_installed_release_is_the_one_whose_internals_were_checked(package):
    assert version(package) == CHECKED_AGAINST[package], (
        "read the names in docs/decisions/0031-round-trips.md again in this release, then state it here"
    )


class Idle:
    """A connection as far as the check looks at it: its socket."""

    closed = False
    is_silent = Connection.is_silent

    def __init__(self, end):
        self.pgconn = SimpleNamespace(socket=end.fileno())


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


def goodbye(theirs):
    theirs.send(b"E")
    theirs.close()


@pytest.mark.parametrize(
    ("happening", "is_usable"),
    [(lambda theirs: None, True), (lambda theirs: theirs.close(), False), (goodbye, False)],
    ids=["nothing", "closed", "closed with a message"],
)
def test_a_connection_is_usable_until_its_server_closes_it(ends, happening, is_usable):
    ours, theirs = ends
    wrapper = DatabaseWrapper({})
    wrapper.connection = Idle(ours)

    happening(theirs)

    assert wrapper.is_usable() is is_usable
