"""``manage.py`` reports failures in a sentence, and ends quietly if nobody reads its output."""

from __future__ import annotations

import os

import pytest

from testing.commands import manage

MIGRATE = "Tables are missing or out of date. Run: python manage.py migrate\n"
COMMANDS = [["apikey", "list"], ["demo"], ["housekeeping"], ["prune_usage"], ["worker", "--once"]]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_without_its_tables_a_command_says_what_to_run(command):
    done = manage(*command)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith(MIGRATE)
    assert "Traceback" not in done.stderr


def test_without_its_newest_tables_a_command_says_so_too(tmp_path):
    database = f"sqlite:///{tmp_path}/db.sqlite3"
    manage("migrate", "--verbosity", "0", "apikeys", "0001", DATABASE_URL=database)

    assert manage("apikey", "list", DATABASE_URL=database).stderr == MIGRATE


def test_a_database_that_does_not_respond_is_not_called_empty():
    done = manage("apikey", "list", DATABASE_URL="postgres://nobody@127.0.0.1:1/none")

    assert done.returncode == 1
    assert done.stderr.startswith("The database isn't responding: ")
    assert "Traceback" not in done.stderr
    assert "migrate" not in done.stderr


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """A database with a key in it."""
    url = f"sqlite:///{tmp_path_factory.mktemp('manage')}/db.sqlite3"
    create = ["apikey", "create", "--owner", "demo", "--name", "CI", "--permission", "read"]
    for command in (["migrate", "--verbosity", "0"], ["demo"], create):
        assert manage(*command, DATABASE_URL=url).returncode == 0
    return url


@pytest.mark.parametrize("command", [["apikey", "list"], ["help"], ["demo"]], ids=" ".join)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_command_whose_output_nobody_reads_ends_quietly(database, command, unbuffered):
    reading, writing = os.pipe()
    os.close(reading)

    done = manage(*command, stdout=writing, DATABASE_URL=database, PYTHONUNBUFFERED=unbuffered)

    os.close(writing)
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
    assert done.returncode == 141  # as a shell reports a process that SIGPIPE ended
