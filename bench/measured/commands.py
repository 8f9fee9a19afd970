"""The commands of a measured process: reads ``[command, argument …]`` as a line of JSON, and prints one."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Mapping

from django.db import connection


def answer_commands(commands: Mapping[str, Callable[..., object]]) -> None:
    """Print "ready", then run the command in each line of standard input.

    Standard output has only the answers. Log lines are formatted, at their usual cost, but not shown.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    silence = open(os.devnull, "w")  # noqa: SIM115  # open for the life of the process
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(silence)
    print(json.dumps("ready"), file=answers, flush=True)
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(commands[name](*arguments)), file=answers, flush=True)


def stay_on_one_core() -> None:
    """Keep this process and the one that PostgreSQL runs for it on the same core.

    They take turns anyway. Otherwise, depending on the scheduler, waking the other core costs some calls
    40 µs and others nothing, for minutes at a time.
    """
    core = {min(os.sched_getaffinity(0))}
    os.sched_setaffinity(0, core)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            os.sched_setaffinity(cursor.fetchone()[0], core)
