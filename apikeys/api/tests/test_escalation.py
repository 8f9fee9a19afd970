"""A key grants no more than it has, whatever the sequence of calls."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from ipaddress import ip_address
from threading import Barrier

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from apikeys.core import policy
from apikeys.models import APIKey, KeyEvent, Permission
from testing.fixtures import EVERYTHING, error, outcome
from testing.keys import row_of

DAY = timedelta(days=1)
ESCALATION = error(403, "FORBIDDEN", "A key cannot grant more than it has")


def time(moment):
    return f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"


BROADER = [
    {"allowed_ips": []},
    {"allowed_ips": ["127.0.0.1", "10.0.0.1"]},
    {"allowed_ips": ["126.0.0.0/7"]},
    {"allowed_ips": ["0.0.0.0/0"]},
    {"allowed_ips": ["::/0"]},
    {"allowed_ips": ["::1"]},
    {"allowed_ips": ["::ffff:10.0.0.1"]},
    {"expires_at": None},
    {"expires_at": time(timezone.now() + 31 * DAY)},
]


@pytest.mark.parametrize("body", [*BROADER, {"expires_in_days": 31}])
def test_a_restricted_key_creates_no_broader_one(call, restricted, body):
    _caller, raw = restricted

    answer = call(raw, "POST", "/v1/keys", {"name": "New", "permissions": ["read"]} | body)

    assert outcome(answer) == ESCALATION
    assert APIKey.objects.count() == 1


@pytest.mark.parametrize(
    ("own", "callers"), [("5/minute", "off"), ("5/minute", "900/minute"), ("off", "5/minute")]
)
def test_a_rotation_keeps_an_operators_limit(call, issue, own, callers):
    (caller, raw), (limited, _raw) = issue(), issue()
    APIKey.objects.filter(pk=caller.pk).update(rate_limit=callers)
    APIKey.objects.filter(pk=limited.pk).update(rate_limit=own)

    new = call(raw, "POST", f"/v1/keys/{limited.key_id}/rotate", {}).json()

    assert row_of(new["key"]).rate_limit == "5/minute"


@pytest.mark.parametrize("body", BROADER)
def test_a_restricted_key_widens_neither_itself_nor_another(call, restricted, made, body):
    caller, raw = restricted
    for key_id in (caller.key_id, made(raw)["id"]):
        before = APIKey.objects.values().get(key_id=key_id)

        assert outcome(call(raw, "PATCH", f"/v1/keys/{key_id}", body)) == ESCALATION
        assert APIKey.objects.values().get(key_id=key_id) == before
    assert not KeyEvent.objects.filter(action="changed").exists()


def test_a_restricted_key_creates_and_changes_keys_within_its_own_rights(call, restricted, made):
    caller, raw = restricted
    key = made(raw, allowed_ips=["127.0.0.1"], expires_in_days=1)

    for change in (
        {"permissions": ["read", "write", "admin"]},
        {"allowed_ips": ["127.0.0.0/9", "127.128.0.0/9"]},
        {"expires_at": time(caller.expires_at)},
    ):
        assert call(raw, "PATCH", f"/v1/keys/{key['id']}", change).status_code == 200


def test_addresses_may_lie_within_adjacent_ranges(call, issue, made):
    _caller, raw = issue(allowed_networks="127.0.0.0/9\n127.128.0.0/9\n2001:db8::/33\n2001:db8:8000::/33")

    assert made(raw, allowed_ips=["127.0.0.0/8", "2001:db8::/32"])


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Renamed"},
        {"permissions": ["read"]},
        {"allowed_ips": ["198.51.100.0/24"]},
        {"expires_at": time(timezone.now() + 300 * DAY)},
        {"name": "Renamed", "permissions": ["write"], "expires_at": time(timezone.now() + 1 * DAY)},
    ],
)
def test_a_change_to_a_broader_key_that_widens_nothing_is_allowed(call, restricted, issue, change):
    _caller, raw = restricted
    key, _secret = issue(permissions=Permission.READ | Permission.WRITE)

    assert call(raw, "PATCH", f"/v1/keys/{key.key_id}", change).status_code == 200


def test_a_broader_key_can_be_sent_back_unchanged(call, restricted, issue):
    _caller, raw = restricted
    path = f"/v1/keys/{issue()[0].key_id}"

    assert call(raw, "PATCH", path, call(raw, path=path).json()).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"permissions": ["read", "write"]},
        {"permissions": ["admin"], "name": "Renamed"},
        {"permissions": ["write"]},
        {"permissions": ["admin"], "expires_at": time(timezone.now() + DAY)},
    ],
)
def test_a_restricted_key_gives_no_permission_to_one_without_an_address_list(call, restricted, issue, change):
    _caller, raw = restricted
    key, _secret = issue(permissions=Permission.READ)

    assert outcome(call(raw, "PATCH", f"/v1/keys/{key.key_id}", change)) == ESCALATION


def test_a_broader_key_can_be_narrowed_to_the_callers_rights(call, restricted, issue):
    caller, raw = restricted
    key, _secret = issue(permissions=Permission.READ)
    body = {
        "permissions": ["admin"],
        "allowed_ips": ["127.0.0.1"],
        "expires_at": time(caller.expires_at),
    }

    assert call(raw, "PATCH", f"/v1/keys/{key.key_id}", body).status_code == 200


@pytest.mark.parametrize(
    "broader", [{}, {"allowed_networks": "10.0.0.0/8"}, {"allowed_networks": "::1\n127.0.0.1"}]
)
def test_a_broader_key_cannot_be_rotated(call, restricted, issue, broader):
    _caller, raw = restricted
    key, _secret = issue(permissions=Permission.READ, **broader)

    assert outcome(call(raw, "POST", f"/v1/keys/{key.key_id}/rotate", {})) == ESCALATION
    assert APIKey.objects.count() == 2
    key.refresh_from_db()
    assert (key.expires_at, key.revoked_at) == (None, None)


def test_a_successor_does_not_outlive_the_caller(call, restricted, issue):
    caller, raw = restricted
    key, _secret = issue(permissions=Permission.READ, allowed_networks="127.0.0.1")

    new = call(raw, "POST", f"/v1/keys/{key.key_id}/rotate", {}).json()

    assert datetime.fromisoformat(new["expires_at"]) == caller.expires_at


NETWORKS = [
    "127.0.0.0/8",
    "127.0.0.0/9",
    "127.128.0.0/9",
    "127.0.0.1",
    "10.0.0.0/8",
    "0.0.0.0/0",
    "::/0",
    "::1",
]
PROBES = [
    ip_address(text)
    for text in ("127.0.0.1", "127.1.2.3", "127.128.0.1", "127.255.255.255", "126.0.0.1", "10.0.0.1", "::1")
] + [None]
permissions = st.lists(st.sampled_from(["read", "write", "admin"]), min_size=1, max_size=3)
addresses = st.lists(st.sampled_from(NETWORKS), max_size=3)
days = st.integers(1, 60)
which = st.integers(0, 30)


def abilities(key):
    """Return all that a key can do, as (permission, address, day) for days on which it might differ."""
    granted = EVERYTHING if key.granted & Permission.ADMIN else key.granted
    admitted = [probe for probe in PROBES if policy.admits(key.allowed_networks, probe)]
    ends = [day for day in (1, 5, 10, 20, 29, 30, 31, 60, 90, 4000) if _is_live(key, day)]
    return {(permission, address, day) for permission in granted for address in admitted for day in ends}


def _is_live(key, day):
    return key.expires_at is None or key.expires_at > timezone.now() + day * DAY - timedelta(minutes=1)


class Thief(RuleBasedStateMachine):
    """Holds one restricted key, knows every id, and tries every call."""

    call = None  # the test sets it
    tried = 0

    @initialize()
    def steal(self):
        now = timezone.now()
        owner = User.objects.create_user(f"victim{User.objects.count()}")
        options = {"owner": owner, "by": owner, "now": now, "permissions": EVERYTHING}
        stolen, raw = APIKey.objects.issue(
            name="Stolen", allowed_networks="127.0.0.0/8", expires_at=now + 30 * DAY, **options
        )
        for networks, end in [("", None), ("127.0.0.1", None), ("10.0.0.0/8", now + 10 * DAY)]:
            APIKey.objects.issue(name="Other", allowed_networks=networks, expires_at=end, **options)
        APIKey.objects.issue(name="Reader", **options | {"permissions": Permission.READ})
        self.owner = owner
        self.held = [raw]
        self.stolen = abilities(stolen)
        self.before = {key.pk: abilities(key) for key in owner.api_keys.all()}

    def send(self, by, method, path, body):
        Thief.tried += 1
        response = Thief.call(self.held[by % len(self.held)], method, path, body)
        assert response.status_code < 500, response.content
        if response.status_code == 201:
            self.held.append(response.json()["key"])

    def path(self, victim):
        keys = self.owner.api_keys.order_by("pk")
        return f"/v1/keys/{keys[victim % len(keys)].key_id}"

    @rule(by=which, permissions=permissions, addresses=st.none() | addresses, days=st.none() | days)
    def create(self, by, permissions, addresses, days):
        body = {"name": "New", "permissions": permissions, "allowed_ips": addresses, "expires_in_days": days}
        given = {name: value for name, value in body.items() if value is not None}
        self.send(by, "POST", "/v1/keys", given)

    @rule(by=which, permissions=permissions)
    def create_without_expiry(self, by, permissions):
        body = {"name": "New", "permissions": permissions, "expires_at": None}
        self.send(by, "POST", "/v1/keys", body)

    @rule(
        by=which,
        victim=which,
        permissions=st.none() | permissions,
        addresses=st.none() | addresses,
        days=st.none() | days,
    )
    def change(self, by, victim, permissions, addresses, days):
        end = days and time(timezone.now() + days * DAY)
        body = {"permissions": permissions, "allowed_ips": addresses, "expires_at": end}
        given = {name: value for name, value in body.items() if value is not None}
        self.send(by, "PATCH", self.path(victim), given)

    @rule(by=which, victim=which)
    def remove_expiry(self, by, victim):
        self.send(by, "PATCH", self.path(victim), {"expires_at": None})

    @rule(by=which, victim=which, overlap=st.sampled_from([0, 3600, 604_800]))
    def rotate(self, by, victim, overlap):
        self.send(by, "POST", f"{self.path(victim)}/rotate", {"overlap_seconds": overlap})

    @rule(by=which, victim=which, cascade=st.sampled_from(["", "?cascade=true"]))
    def revoke(self, by, victim, cascade):
        self.send(by, "DELETE", self.path(victim) + cascade, None)

    @invariant()
    def no_key_does_more_than_the_stolen_one_or_than_it_did(self):
        for key in self.owner.api_keys.filter(revoked_at=None):
            can = abilities(key)
            assert can <= self.stolen or can <= self.before.get(key.pk, set()), (key, key.networks)
        for raw in self.held:
            assert abilities(row_of(raw)) <= self.stolen


@pytest.mark.django_db
def test_no_sequence_of_calls_gets_more_out_of_a_stolen_key(call):
    Thief.call, Thief.tried = staticmethod(call), 0

    run_state_machine_as_test(
        Thief,
        settings=settings(
            max_examples=30,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )

    assert Thief.tried > 200


@contextmanager
def closing_connections():
    """Close this thread's connections at the end, or the test database couldn't be dropped."""
    try:
        yield
    finally:
        connections.close_all()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("narrowed", [{"allowed_networks": "127.0.0.1"}, {"permissions": Permission.READ}])
def test_a_key_narrowed_while_it_creates_another_creates_no_broader_one(call, issue, owner, narrowed):
    """Whichever comes first, the new key is no broader than its creator was at that moment."""
    for _ in range(5):
        caller, raw = issue(allowed_networks="127.0.0.0/8")
        start = Barrier(2)

        def narrow(caller=caller, start=start):
            with closing_connections():
                start.wait(timeout=30)
                caller.change(by=owner, now=timezone.now(), **narrowed)

        def mint(raw=raw, start=start):
            with closing_connections():
                start.wait(timeout=30)
                return call(raw, "POST", "/v1/keys", {"name": "New", "permissions": ["admin"]})

        with ThreadPoolExecutor(2) as threads:
            narrowing, minting = threads.submit(narrow), threads.submit(mint)
            narrowing.result()
            answer = minting.result()

        assert answer.status_code in {201, 403}
        if answer.status_code == 201:
            new = row_of(answer.json()["key"])
            at = KeyEvent.objects.get(key=caller, action="changed").pk
            made_first = KeyEvent.objects.get(key=new, action="created").pk < at
            caller.refresh_from_db()
            assert made_first or (
                "allowed_networks" in narrowed and new.allowed_networks == caller.allowed_networks
            )


@pytest.mark.django_db(transaction=True)
def test_keys_that_rotate_each_other_at_once_do_not_deadlock(call, issue):
    for _ in range(5):
        pairs = [issue(name=name) for name in "ab"]
        start = Barrier(2)

        def rotate(raw, key, start=start):
            with closing_connections():
                start.wait(timeout=30)
                path = f"/v1/keys/{key.key_id}/rotate"
                return call(raw, "POST", path, {"overlap_seconds": 3600}).status_code

        with ThreadPoolExecutor(2) as threads:
            (one, first), (other, second) = pairs
            answers = [threads.submit(rotate, first, other), threads.submit(rotate, second, one)]
            assert [answer.result() for answer in answers] == [201, 201]


@pytest.mark.django_db(transaction=True)
def test_a_cascade_misses_no_key_that_is_created_at_the_same_time(call, issue, admin):
    for _ in range(5):
        caller, raw = issue()
        start = Barrier(5)

        def mint(raw=raw, start=start):
            with closing_connections():
                start.wait(timeout=30)
                call(raw, "POST", "/v1/keys", {"name": "New", "permissions": ["admin"]})

        with ThreadPoolExecutor(5) as threads:
            minting = [threads.submit(mint) for _ in range(4)]
            start.wait(timeout=30)
            assert call(admin, "DELETE", f"/v1/keys/{caller.key_id}?cascade=true").status_code == 204
            for one in minting:
                one.result()

        assert not caller.made.filter(revoked_at=None).exists()
