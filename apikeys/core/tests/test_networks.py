from __future__ import annotations

from ipaddress import IPv4Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apikeys.core.networks import (
    InvalidNetworks,
    canonical,
    client_address,
    contains,
    is_within,
    parse_networks,
)

PROXIES = (ip_network("10.0.0.0/8"), ip_network("2001:db8:f::/48"))
addresses = st.ip_addresses()
any_networks = st.builds(
    lambda address, length: ip_network((address, length % (address.max_prefixlen + 1)), strict=False),
    addresses,
    st.integers(0, 128),
)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7/32", "203.0.113.7"),
        ("10.0.0.1/24", "10.0.0.0/24"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:DB8::1", "2001:db8::1"),
        ("2001:db8::1/64", "2001:db8::/64"),
        ("::/0", "::/0"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("  203.0.113.7  \r\n\n203.0.113.8\n203.0.113.7/32", "203.0.113.7\n203.0.113.8"),
        ("203.0.113.7, 2001:db8::1 10.0.0.0/8,", "203.0.113.7\n2001:db8::1\n10.0.0.0/8"),
        ("203.0.113.7,203.0.113.8\t203.0.113.9", "203.0.113.7\n203.0.113.8\n203.0.113.9"),
        ("", ""),
        (" ,\n, ", ""),
    ],
)
def test_a_list_is_stored_in_its_canonical_form(typed, stored):
    assert canonical(parse_networks(typed)) == stored


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("10.0.0.0/33", '"10.0.0.0/33" is not an IP address or range'),
        ("10.0.0.0/-1", '"10.0.0.0/-1" is not an IP address or range'),
        ("10.0.0.0/024", '"10.0.0.0/024" is not an IP address or range'),
        ("10.0.0.0/0.0.0.0", '"10.0.0.0/0.0.0.0" is not an IP address or range'),
        ("10.0.0.0/255.255.255.0", '"10.0.0.0/255.255.255.0" is not an IP address or range'),
        ("0.0.0.0/0.0.0.0", '"0.0.0.0/0.0.0.0" is not an IP address or range'),
        ("10.0.0.0/", '"10.0.0.0/" is not an IP address or range'),
        ("010.0.0.1", '"010.0.0.1" is not an IP address or range'),
        ("10.0.0", '"10.0.0" is not an IP address or range'),
        ("167772161", '"167772161" is not an IP address or range'),
        ("1.2.3.4;1.2.3.5", '"1.2.3.4;1.2.3.5" is not an IP address or range'),
        ("١.٢.٣.٤", '"١.٢.٣.٤" is not an IP address or range'),
        ("example.com", '"example.com" is not an IP address or range'),
        ("*", '"*" is not an IP address or range'),
        ("::1/129", '"::1/129" is not an IP address or range'),
        ("fe80::1%eth0", '"fe80::1%eth0" is not an IP address or range'),
        ("[::1]", '"[::1]" is not an IP address or range'),
        ("\0", '"\0" is not an IP address or range'),
    ],
)
def test_a_line_that_is_not_an_address_is_named(typed, error):
    with pytest.raises(InvalidNetworks) as caught:
        parse_networks(f"203.0.113.7\n{typed}")

    assert caught.value.errors == [f"Line 2: {error}."]


def test_every_bad_line_is_named_at_once():
    with pytest.raises(InvalidNetworks) as caught:
        parse_networks("x\n\n1.1.1.1\ny")

    assert [error.split(":")[0] for error in caught.value.errors] == ["Line 1", "Line 4"]


def test_at_most_20_errors_are_listed_with_the_number_of_the_others():
    with pytest.raises(InvalidNetworks) as caught:
        parse_networks("x\n" * 1025)

    assert caught.value.errors[19:] == ['Line 20: "x" is not an IP address or range.', "…and 1,005 more."]


def test_a_list_that_is_too_long_is_refused_before_it_is_read(monkeypatch):
    monkeypatch.setattr("apikeys.core.networks.parse_network", pytest.fail)

    with pytest.raises(InvalidNetworks, match="at most 64,000 characters"):
        parse_networks("1.1.1.1\n" * 8001)


def test_the_longest_list_that_is_allowed_fits_its_length():
    longest = [f"ffff:ffff:ffff:ffff:ffff:ffff:255.255.{n // 250}.{n % 250}/128" for n in range(1000)]

    assert len(parse_networks("\r\n".join(longest))) == 1000


def test_a_list_can_have_a_thousand_addresses_but_no_more():
    lines = [f"10.0.{n // 250}.{n % 250}" for n in range(1001)]

    assert len(parse_networks("\n".join(lines[:1000]))) == 1000
    with pytest.raises(InvalidNetworks, match="At most 1,000 addresses are allowed; this list has 1,001"):
        parse_networks("\n".join(lines))


@given(st.text())
def test_no_text_crashes_the_parsing_of_a_list(text):
    try:
        stored = canonical(parse_networks(text))
    except InvalidNetworks as error:
        assert error.errors  # noqa: PT017  # either outcome is right
    else:
        assert canonical(parse_networks(stored)) == stored


def unmapped(network):
    if network.version == 6 and network.subnet_of(ip_network("::ffff:0:0/96")):
        return ip_network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))
    return network


@given(st.lists(any_networks, min_size=1), addresses)
def test_membership_is_what_the_standard_library_says(allowed, address):
    stored = canonical(parse_networks("\n".join(map(str, allowed))))
    allowed = [unmapped(network) for network in allowed]
    address = getattr(address, "ipv4_mapped", None) or address

    assert contains(stored, address) == any(address in network for network in allowed)
    assert contains(stored, allowed[0].network_address)


@pytest.mark.parametrize("stored", ["garbage", "10.0.0.0/33", "\n", " "])
def test_a_stored_list_that_does_not_parse_admits_nobody(stored):
    assert not contains(stored, ip_address("10.0.0.1"))


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("203.0.113.7", None, "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),  # not our proxy, so its header proves nothing
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),  # the leftmost one is forged
        ("10.0.0.1", "1.1.1.1, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1,10.0.0.3 ,10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.9, 10.0.0.2", "10.0.0.9"),
        ("10.0.0.1", "198.51.100.1, 2001:db8:f::2", "198.51.100.1"),
        ("10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "", None),
        ("10.0.0.1", "198.51.100.1,", None),
        ("10.0.0.1", "198.51.100.1, unknown", None),
        ("10.0.0.1", "198.51.100.1, garbage, 10.0.0.2", None),
        ("10.0.0.1", "198.51.100.1:4711", None),
        ("10.0.0.1", "[2001:db8::1]", None),
        ("10.0.0.1", "fe80::1%eth0", None),
        ("10.0.0.1", "010.0.0.1", None),
        ("fe80::1%eth0", None, None),
        ("", "198.51.100.1", None),
        ("", None, None),
    ],
)
def test_the_client_is_the_first_address_from_the_right_that_is_not_ours(peer, forwarded_for, client):
    found = client_address(peer, forwarded_for, PROXIES)

    assert found == (client and ip_address(client))


@given(st.text(), addresses)
def test_whatever_a_client_forges_stays_left_of_its_address(forged, address):
    address = address if address.version == 4 else ip_address("198.51.100.1")
    if not any(address in proxy for proxy in PROXIES):
        assert client_address("10.0.0.1", f"{forged[:1000]},{address}", PROXIES) == address


@pytest.mark.parametrize("forged", ["x" * 5000, "192.0.2.1," * 5000, "," * 5000])
def test_a_header_of_any_length_is_read_from_its_right_end(forged):
    found = client_address("10.0.0.1", f"{forged},198.51.100.1, 10.0.0.2", PROXIES)

    assert found == ip_address("198.51.100.1")


def test_a_truncated_address_is_not_mistaken_for_another():
    hops = ",".join(["10.0.0.2"] * 1000)

    for extra in range(12):
        assert client_address("10.0.0.1", f"198.51.100.1,{hops}{' ' * extra}", PROXIES) is None


def test_without_trusted_proxies_the_header_is_never_read():
    assert client_address("127.0.0.1", "198.51.100.1", ()) == ip_address("127.0.0.1")


@pytest.mark.parametrize(
    ("inner", "outer", "within"),
    [
        ("10.0.0.1", "", True),
        ("", "", True),
        ("", "0.0.0.0/0\n::/0", False),  # "any" includes an unknown address
        ("10.0.0.1", "10.0.0.0/8", True),
        ("10.0.0.0/8", "10.0.0.1", False),
        ("10.0.0.0/8", "10.0.0.0/8", True),
        ("10.0.0.0/7", "10.0.0.0/8\n11.0.0.0/8", True),
        ("10.0.0.0/6", "10.0.0.0/8\n11.0.0.0/8", False),
        ("10.0.0.0/8\n192.0.2.1", "10.0.0.0/8", False),
        ("9.255.255.255", "10.0.0.0/8", False),
        ("11.0.0.0", "10.0.0.0/8", False),
        ("2001:db8::/32", "2001:db8::/33\n2001:db8:8000::/33", True),
        ("2001:db8::/32", "2001:db8::/33", False),
        ("::a00:1", "10.0.0.0/8", False),
        ("10.0.0.1", "::/0", False),
        ("0.0.0.0/0", "0.0.0.0/1\n128.0.0.0/1", True),
        ("10.0.0.1", "nonsense", False),
        ("nonsense", "10.0.0.1", True),
    ],
)
def test_a_list_is_within_another(inner, outer, within):
    assert is_within(inner, outer) is within


small_lists = st.lists(
    st.builds(
        lambda host, length: ip_network((f"192.0.2.{host}", length), strict=False),
        st.integers(0, 15),
        st.integers(28, 32),
    ),
    min_size=1,
).map(canonical)


@given(small_lists, small_lists)
def test_a_list_within_another_admits_nobody_else(inner, outer):
    """All the lists that subnets of sixteen addresses can form."""
    everybody = [IPv4Address(f"192.0.2.{n}") for n in range(16)]
    admitted = [{address for address in everybody if contains(text, address)} for text in (inner, outer)]

    assert is_within(inner, outer) is (admitted[0] <= admitted[1])
