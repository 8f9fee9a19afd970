"""A process with its own database that runs the cases it is asked for.

``python -m bench.measured.cases KEYS`` fills the database at ``DATABASE_URL`` up to that many keys. Then
it answers each line of standard input, ``[name, argument …]`` in JSON, with one line of JSON.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from itertools import cycle, islice
from time import perf_counter
from typing import Any

import django

django.setup()

from django.conf import settings
from django.contrib.auth.models import User
from django.core.handlers.wsgi import WSGIRequest
from django.core.management import call_command
from django.core.signals import request_started
from django.db import connection, transaction
from django.template.response import SimpleTemplateResponse
from django.test import RequestFactory
from django.utils import timezone
from knox.models import get_token_model
from rest_framework.authtoken.models import Token
from rest_framework_api_key.models import APIKey as PeerKey

from apikeys.core import keyformat
from apikeys.models import APIKey, Permission
from apikeys.usage import recorder
from bench.measured import views
from bench.measured.commands import answer_commands, stay_on_one_core
from bench.measured.data import forged
from chatbots.models import Chatbot
from testing.driver import round_trips
from wizchat.observability.requests import write_line

FILL_BATCH = 50_000
WARM_UP = 3
MEASURED_KEYS = 7  # 10 with those that are revoked, expire or have an allow list
RANDOM_IDS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT %s) "
    "SELECT hex(randomblob(6)) AS id FROM n",
    "postgresql": "SELECT upper(substr(md5(random()::text), 1, 12)) AS id FROM generate_series(1, %s)",
}
LIMITED, UNLIMITED = "127.0.0.1", "198.51.100.1"
HUNDRED_ENTRIES = "\n".join([*(f"192.0.2.{n}" for n in range(99)), "127.0.0.1"])

View = Callable[[WSGIRequest], Any]


class Case:
    """One way to call the view, with each of ``headers`` in turn."""

    def __init__(self, view: type[Any], *headers: str, recorded: bool = False, limited: bool = True) -> None:
        self.view: View = view.as_view()
        self.headers = headers or ("",)
        self.recorded = recorded
        # An address that keeps failing soon exceeds its limit, so only a flood is measured from that one.
        self.address = LIMITED if limited else UNLIMITED

    def requests(self, times: int) -> Iterator[WSGIRequest]:
        environ = RequestFactory().get("/v1/chatbots", REMOTE_ADDR=self.address).environ
        for header in islice(cycle(self.headers), times):
            yield WSGIRequest(environ | {"HTTP_AUTHORIZATION": header})

    def seconds(self, times: int) -> float:
        """Return the average seconds per request, after a warm-up."""
        settings.AUTH_FAILURES_PER_MINUTE = 100 if self.address == LIMITED else 10**9
        self.answer(self.requests(min(WARM_UP, times - 1)))
        requests = list(self.requests(times))
        gc.collect()
        started_at = perf_counter()
        self.answer(requests)
        return (perf_counter() - started_at) / times

    def answer(self, requests: Iterable[WSGIRequest]) -> None:
        for request in requests:
            response = self.view(request)
            if isinstance(response, SimpleTemplateResponse):  # DRF's, which Django renders
                response.render()
            if self.recorded:
                recorder.record(request, response)
            write_line(request, response, 0.0)  # every request has a log line, those of the peers, too

    def round_trips(self) -> int:
        """Return how often one request waits for the database."""
        *warm_up, request = self.requests(WARM_UP + 1)
        self.answer(warm_up)
        with round_trips(connection) as seen:
            request_started.send(sender=Case)
            self.view(request)
        return len(seen)


def fill(keys: int) -> None:
    """Insert unused keys, up to ``keys`` in all; they share one hash."""
    text = {
        "checksum": "000000",
        "encoding": "$argon2id$v=19$m=19456,t=2,p=1$" + "x" * 65,
        "name": "Filler",
        **dict.fromkeys(["allowed_networks", "last_used_address", "last_used_user_agent"], ""),
        **dict.fromkeys(["last_used_method", "last_used_route"], ""),
    }
    values = text | {
        "owner_id": User.objects.earliest("pk").pk,
        "permissions": Permission.READ.value,
        "created_at": timezone.now(),
    }
    statement = (
        f"INSERT INTO apikeys_apikey (key_id, {', '.join(values)}) "
        f"SELECT id, {', '.join(['%s'] * len(values))} FROM ({RANDOM_IDS[connection.vendor]}) AS ids "
        "WHERE true ON CONFLICT DO NOTHING"
    )
    while (missing := keys - APIKey.objects.count()) > 0:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, [*values.values(), min(missing, FILL_BATCH)])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def issue(owner: User, **values: Any) -> tuple[APIKey, str]:
    values = {"permissions": Permission.READ, "now": timezone.now()} | values
    return APIKey.objects.issue(owner=owner, by=owner, name="Measured", **values)


def cases() -> dict[str, Case]:
    owner = User.objects.create_user("bench")
    pairs = [issue(owner) for _ in range(MEASURED_KEYS)]
    valid = [f"Bearer {raw}" for _, raw in pairs]
    revoked, revoked_raw = issue(owner)
    revoked.revoke(by=owner, now=timezone.now())
    expiring = issue(owner, expires_at=timezone.now() + timedelta(days=1))[1]
    listed = issue(owner, allowed_networks=HUNDRED_ENTRIES)[1]
    mistyped = pairs[0][1][:-1] + ("a" if pairs[0][1][-1] != "a" else "b")
    token = Token.objects.create(user=owner).key
    for number in range(2):
        Chatbot.objects.create(owner=owner, name=f"Bot {number}", description="Answers questions.")
    ours = views.WizChatView
    return {
        "plain": Case(views.PlainView),
        "valid": Case(ours, *valid),
        "valid, counted": Case(ours, *valid, recorded=True),
        "valid, expires": Case(ours, f"Bearer {expiring}"),
        "valid, 100 entries": Case(ours, f"Bearer {listed}"),
        "revoked": Case(ours, f"Bearer {revoked_raw}"),
        "wrong secret": Case(ours, f"Bearer {forged(pairs[0][0].key_id)}"),
        "wrong secret, below": Case(ours, f"Bearer {forged(pairs[0][0].key_id)}", limited=False),
        "unknown id": Case(ours, f"Bearer {forged('0' * keyformat.ID_LENGTH)}"),
        "bad checksum": Case(ours, f"Bearer {mistyped}"),
        "token": Case(views.TokenView, f"Token {token}"),
        "token, wrong": Case(views.TokenView, f"Token {'0' * 40}"),
        "knox": Case(views.KnoxView, f"Token {get_token_model().objects.create(owner)[1]}"),
        "api-key": Case(views.HasAPIKeyView, f"Api-Key {PeerKey.objects.create_key(name='Measured')[1]}"),
        "naive": Case(views.NaiveView, valid[0]),
        "naive, wrong": Case(views.NaiveView, f"Bearer {forged(pairs[0][0].key_id)}"),
    }


def issue_many(keys: int) -> list[str]:
    owner = User.objects.create_user("warm")
    new = {"owner": owner, "by": owner, "form_token": None, "now": timezone.now()}
    drafts = [APIKey.objects.draft(**new) for _ in range(keys)]
    for key, _ in drafts:
        key.name, key.permissions = "Warm", Permission.READ
    APIKey.objects.bulk_create((key for key, _ in drafts), batch_size=1000)
    return [raw for _, raw in drafts]


def warm(raws: list[str]) -> list[int]:
    """Return this process's memory in bytes before and after it has verified and counted ``raws``."""
    case = Case(views.WizChatView, *(f"Bearer {raw}" for raw in raws), recorded=True)
    case.answer(case.requests(1))  # loads what every process loads with its first request
    before = memory()
    case.answer(case.requests(len(raws)))
    recorder.flush()
    gc.collect()
    return [before, memory()]


def memory() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    call_command("migrate", verbosity=0)
    keys = int(sys.argv[1])
    todo: dict[str, Case] = {}
    if keys:
        todo = cases()
        fill(keys)
    stay_on_one_core()
    answer_commands(
        {
            "seconds": lambda name, times: todo[name].seconds(times),
            "round trips": lambda name: todo[name].round_trips(),
            "names": lambda: list(todo),
            "issue": issue_many,
            "warm": warm,
        }
    )


if __name__ == "__main__":
    main()
