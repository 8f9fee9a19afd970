"""A process that calls the whole WSGI application of one project: ``python -m bench.measured.caller``.

``DJANGO_SETTINGS_MODULE`` selects the project. The process answers each line of standard input,
``[command, argument …]`` in JSON, with one line of JSON.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Iterable
from io import BytesIO
from typing import Any, NamedTuple
from wsgiref.util import setup_testing_defaults

from bench.measured.clocks import Spent
from bench.measured.commands import answer_commands, stay_on_one_core
from wizchat.wsgi import application  # sets Django up

WARM_UP = 1


class Call(NamedTuple):
    """A request, and the status that the response must have."""

    method: str
    path: str
    authorization: str
    body: str
    status: int

    def environ(self) -> dict[str, Any]:
        """Return the WSGI environ of a request that curl sends."""
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.method,
            "PATH_INFO": self.path,
            "QUERY_STRING": "",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "127.0.0.1",
            "HTTP_USER_AGENT": "curl/7.88.1",
            "HTTP_ACCEPT": "*/*",
            "HTTP_AUTHORIZATION": self.authorization,
        }
        if self.body:
            data = self.body.encode()
            environ |= {
                "CONTENT_TYPE": "application/json",
                "CONTENT_LENGTH": str(len(data)),
                "wsgi.input": BytesIO(data),
            }
        setup_testing_defaults(environ)
        return environ

    def answers(self, environs: Iterable[dict[str, Any]]) -> list[bytes]:
        """Return the bodies of the responses; all must have the expected status."""
        statuses: list[str] = []
        bodies = []
        for environ in environs:
            result = application(environ, lambda status, headers, *_: statuses.append(status))
            bodies.append(b"".join(result))
            result.close()
        assert {int(status[:3]) for status in statuses} == {self.status}, statuses
        return bodies


def cost(*call: Any, times: int) -> list[float]:
    """Return the CPU seconds that one request takes in this process, and in the database's."""
    request = Call(*call)
    request.answers([request.environ() for _ in range(WARM_UP)])
    environs = [request.environ() for _ in range(times)]
    gc.collect()
    spent = Spent()
    request.answers(environs)
    return [seconds / times for seconds in spent.seconds()]


def body(*call: Any) -> Any:
    request = Call(*call)
    return json.loads(request.answers([request.environ()])[0])


def fill() -> dict[str, object]:
    from django.core.management import call_command

    from bench.measured import data  # works only with WizChat's settings

    call_command("migrate", verbosity=0)
    return data.fill()


if __name__ == "__main__":
    answer_commands(
        {
            "fill": fill,
            "body": body,
            "cost": lambda times, *call: cost(*call, times=times),
            "settle": stay_on_one_core,
        }
    )
