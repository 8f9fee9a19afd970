"""Allow lists of addresses, and the client's address behind trusted proxies. Pure.

An IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2) counts as the IPv4 address within it, in
lists and in requests alike.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    collapse_addresses,
    ip_address,
    ip_network,
)

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

MAX_NETWORKS = 1000
MAX_LIST_LENGTH = 64_000
"""Characters in a list: room for ``MAX_NETWORKS`` of the longest, each on a line of its own."""
MAX_ERRORS = 20
"""The most errors reported for one list."""
MAX_FORWARDED_LENGTH = 4096
"""Characters of X-Forwarded-For that are read, from its right end."""

_MAPPED = IPv6Network("::ffff:0:0/96")
# Only a plain prefix length: ipaddress also takes netmasks ("10.0.0.0/0.0.0.0" is the whole
# Internet in disguise).
_ENTRY = re.compile(r"[0-9A-Fa-f:.]{2,45}(/(0|[1-9][0-9]{0,2}))?", re.ASCII)
_SEPARATORS = re.compile(r"[,\s]+")


class InvalidNetworks(ValueError):
    """Some entries are neither an address nor a network; ``errors`` has a sentence for each."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors


def entries(text: str) -> Iterator[tuple[int, str]]:
    """Return the entries of a typed list, each with the number of its line.

    Lines, commas and spaces separate entries.
    """
    for number, line in enumerate(text.splitlines(), start=1):
        for entry in _SEPARATORS.split(line):
            if entry:
                yield number, entry


def parse_networks(text: str) -> list[IPNetwork]:
    """Return the networks in ``text``: addresses or CIDRs, separated by lines, commas or spaces.

    Clears host bits and drops duplicates; keeps the order. Raises ``InvalidNetworks``
    with a sentence for each entry that does not parse, up to ``MAX_ERRORS``.
    """
    if len(text) > MAX_LIST_LENGTH:
        raise InvalidNetworks([f"The list is too long: at most {MAX_LIST_LENGTH:,} characters are allowed."])
    networks: dict[IPNetwork, None] = {}
    errors = []
    for number, entry in entries(text):
        try:
            networks[parse_network(entry)] = None
        except ValueError as error:
            errors.append(f"Line {number}: {error}.")
    if not errors and len(networks) > MAX_NETWORKS:
        errors.append(f"At most {MAX_NETWORKS:,} addresses are allowed; this list has {len(networks):,}.")
    if len(errors) > MAX_ERRORS:
        errors[MAX_ERRORS:] = [f"…and {len(errors) - MAX_ERRORS:,} more."]
    if errors:
        raise InvalidNetworks(errors)
    return list(networks)


def parse_network(entry: str) -> IPNetwork:
    """Return the network that one address or CIDR stands for; raise ``ValueError``."""
    try:
        if not _ENTRY.fullmatch(entry):
            raise ValueError("not an address with an optional prefix length")
        return _unmap_network(ip_network(entry, strict=False))
    except ValueError as error:
        raise ValueError(f'"{entry[:80]}" is not an IP address or range') from error


def canonical(networks: Iterable[IPNetwork]) -> str:
    """Return the text that a key stores: one network per line."""
    return "\n".join(map(as_text, networks))


def as_text(network: IPNetwork) -> str:
    """Return ``network`` as allow lists show it: a single address has no prefix length."""
    return str(network if is_range(network) else network.network_address)


def is_range(network: IPNetwork) -> bool:
    """Return whether ``network`` is more than a single address."""
    return network.prefixlen < network.max_prefixlen


def contains(allowed_networks: str, address: IPAddress) -> bool:
    """Return whether ``address`` is in the canonical list ``allowed_networks``."""
    return _parse_stored(allowed_networks).contains(address)


def is_within(inner: str, outer: str) -> bool:
    """Return whether the canonical list ``outer`` admits everyone whom the canonical list ``inner`` admits.

    An empty list admits everyone, including clients whose address is unknown.
    """
    if not outer or not inner:
        return not outer
    return all(_is_in_one_of(network, _collapsed(outer, network.version)) for network in _stored(inner))


def _collapsed(allowed_networks: str, version: int) -> list[IPNetwork]:
    """Return the networks of one version in a stored list, sorted, with adjacent ones joined."""
    members = [network for network in _stored(allowed_networks) if network.version == version]
    return list(collapse_addresses(members))  # type: ignore[type-var]  # all are of one version


def _is_in_one_of(network: IPNetwork, collapsed: list[IPNetwork]) -> bool:
    """Return whether the ``collapsed`` networks cover ``network``; if they do, a single one of them does."""
    first = int(network.network_address)
    at = bisect_right(collapsed, first, key=lambda member: int(member.network_address))
    return at > 0 and int(network.broadcast_address) <= int(collapsed[at - 1].broadcast_address)


def client_address(
    peer: str, forwarded_for: str | None, trusted_proxies: Collection[IPNetwork]
) -> IPAddress | None:
    """Return the address that a request came from, or ``None`` if no trusted source knows it.

    The socket's ``peer`` can't be forged. If it is a trusted proxy, ``forwarded_for``
    (X-Forwarded-For) is read from the right, past further trusted proxies, to the first
    address that a trusted proxy saw itself. A client can forge anything further left.
    """
    address = parse_address(peer)
    if forwarded_for is None or not _is_trusted(address, trusted_proxies):
        return address
    hops = forwarded_for[-MAX_FORWARDED_LENGTH:].split(",")
    if len(forwarded_for) > MAX_FORWARDED_LENGTH:
        hops[0] = ""  # a truncated address might pass for another one
    for hop in reversed(hops):
        address = parse_address(hop.strip())
        if not _is_trusted(address, trusted_proxies):
            return address
    return address


def is_trusted_proxy(peer: str, trusted_proxies: Collection[IPNetwork]) -> bool:
    """Return whether the socket's ``peer`` is one of the ``trusted_proxies``."""
    return _is_trusted(parse_address(peer), trusted_proxies)


@lru_cache(maxsize=4096)
def parse_address(text: str) -> IPAddress | None:
    """Return the one address that ``text`` is, or ``None``; zone ids are refused."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return None
        return address.ipv4_mapped or address
    return address


class NetworkSet:
    """Networks grouped by prefix length, so that searching a hundred of them costs no more than one."""

    def __init__(self, networks: Iterable[IPNetwork]) -> None:
        self._by_prefix: dict[tuple[int, int], dict[int, IPNetwork]] = {}
        for network in networks:
            shift = network.max_prefixlen - network.prefixlen
            members = self._by_prefix.setdefault((network.version, shift), {})
            members[int(network.network_address) >> shift] = network

    def contains(self, address: IPAddress) -> bool:
        number = int(address)
        return any(
            version == address.version and number >> shift in members
            for (version, shift), members in self._by_prefix.items()
        )

    def containing(self, address: IPAddress) -> list[IPNetwork]:
        """Return the networks that ``address`` is in."""
        number = int(address)
        return [
            members[number >> shift]
            for (version, shift), members in self._by_prefix.items()
            if version == address.version and number >> shift in members
        ]


@lru_cache(maxsize=1024)
def _parse_stored(allowed_networks: str) -> NetworkSet:
    return NetworkSet(_stored(allowed_networks))


def _stored(allowed_networks: str) -> list[IPNetwork]:
    """Return the networks of a stored list; a line that does not parse admits nobody."""
    networks = []
    for line in allowed_networks.split("\n"):
        try:
            networks.append(parse_network(line.strip()))
        except ValueError:
            continue
    return networks


def _is_trusted(address: IPAddress | None, trusted_proxies: Collection[IPNetwork]) -> bool:
    return address is not None and any(address in network for network in trusted_proxies)


def _unmap_network(network: IPNetwork) -> IPNetwork:
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        address = IPv4Address(int(network.network_address) & 0xFFFFFFFF)
        return IPv4Network((address, network.prefixlen - 96))
    return network
