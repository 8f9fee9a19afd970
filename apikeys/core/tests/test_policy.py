from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from types import SimpleNamespace

import pytest

from apikeys.core.policy import Expired, Revoked, WrongAddress, check

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HERE, ELSEWHERE = ip_address("203.0.113.7"), ip_address("198.51.100.1")


def key(**values):
    return SimpleNamespace(**{"revoked_at": None, "expires_at": None, "allowed_networks": ""} | values)


def test_revoked_comes_before_expired_and_expired_before_the_address():
    expired = {"expires_at": NOW - timedelta(days=1), "allowed_networks": str(HERE)}

    with pytest.raises(Revoked):
        check(key(revoked_at=NOW, **expired), client_ip=ELSEWHERE, now=NOW)
    with pytest.raises(Expired):
        check(key(**expired), client_ip=ELSEWHERE, now=NOW)


def test_a_key_expires_at_the_exact_moment():
    live = key(expires_at=NOW)

    check(live, client_ip=HERE, now=NOW - timedelta(microseconds=1))
    with pytest.raises(Expired):
        check(live, client_ip=HERE, now=NOW)


def test_a_key_revoked_in_the_future_is_revoked():
    with pytest.raises(Revoked):
        check(key(revoked_at=NOW + timedelta(days=1)), client_ip=HERE, now=NOW)


def test_without_a_list_any_address_is_admitted_even_an_unknown_one():
    check(key(), client_ip=None, now=NOW)


@pytest.mark.parametrize("client_ip", [ELSEWHERE, ip_address("2001:db8::1"), None])
def test_a_list_refuses_other_and_unknown_addresses(client_ip):
    with pytest.raises(WrongAddress):
        check(key(allowed_networks="203.0.113.0/24"), client_ip=client_ip, now=NOW)


def test_a_list_admits_its_members():
    check(key(allowed_networks="192.0.2.1\n203.0.113.0/24"), client_ip=HERE, now=NOW)
