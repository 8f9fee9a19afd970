from __future__ import annotations

from ipaddress import ip_network

import pytest

from testing.fixtures import error, outcome

WRONG_ADDRESS = error(403, "FORBIDDEN", "IP address not allowed")
PROXIES = (ip_network("10.0.0.0/8"),)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("address", ["203.0.113.7", "::ffff:203.0.113.7"])
def test_a_listed_address_is_admitted(issue, call, address):
    _key, raw = issue(allowed_networks="203.0.113.0/24")

    assert call(raw, REMOTE_ADDR=address).status_code == 200


@pytest.mark.parametrize("address", ["203.0.114.7", "2001:db8::1", "", "garbage"])
def test_another_or_unknown_address_is_refused(issue, call, address):
    _key, raw = issue(allowed_networks="203.0.113.0/24")

    assert outcome(call(raw, REMOTE_ADDR=address)) == WRONG_ADDRESS


@pytest.mark.parametrize(
    "header",
    [
        {"HTTP_X_FORWARDED_FOR": "203.0.113.7"},
        {"HTTP_X_REAL_IP": "203.0.113.7"},
        {"HTTP_FORWARDED": "for=203.0.113.7"},
        {"HTTP_CLIENT_IP": "203.0.113.7"},
        {"HTTP_CF_CONNECTING_IP": "203.0.113.7"},
    ],
    ids=lambda header: next(iter(header)),
)
def test_forged_forwarded_header_does_not_widen_the_network(issue, call, header):
    _key, raw = issue(allowed_networks="203.0.113.7")

    assert outcome(call(raw, REMOTE_ADDR="198.51.100.1", **header)) == WRONG_ADDRESS


def test_a_trusted_proxys_entry_counts_and_the_clients_does_not(issue, call, settings):
    settings.TRUSTED_PROXIES = PROXIES
    _key, raw = issue(allowed_networks="203.0.113.7")
    proxy = {"REMOTE_ADDR": "10.0.0.1"}

    assert call(raw, HTTP_X_FORWARDED_FOR="203.0.113.7", **proxy).status_code == 200
    assert call(raw, HTTP_X_FORWARDED_FOR="1.1.1.1, 203.0.113.7, 10.0.0.2", **proxy).status_code == 200
    for forged in ("203.0.113.7, 198.51.100.1", "203.0.113.7, unknown", "203.0.113.7,", ""):
        assert outcome(call(raw, HTTP_X_FORWARDED_FOR=forged, **proxy)) == WRONG_ADDRESS


def test_a_narrowed_list_takes_effect_on_the_next_request(issue, call, owner):
    key, raw = issue()
    assert call(raw).status_code == 200

    type(key).objects.filter(pk=key.pk).update(allowed_networks="192.0.2.1")

    assert outcome(call(raw)) == WRONG_ADDRESS
