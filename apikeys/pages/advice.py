"""Advice about an address list: warnings, never errors."""

from __future__ import annotations

from collections.abc import Collection

from apikeys.core.networks import (
    MAX_ERRORS,
    IPAddress,
    as_text,
    canonical,
    entries,
    is_range,
    parse_address,
    parse_network,
    parse_networks,
)
from apikeys.core.policy import admits
from apikeys.usage.reports import Caller

ADDRESSES_NAMED = 10


def warnings(allowed_networks: str, *, own: IPAddress | None, behind_proxy: bool) -> list[str]:
    """Return a sentence for each thing in a canonical list that its author may not have meant.

    ``own`` is the user's address; ``behind_proxy`` is whether callers reach the
    server through a proxy, and so never from an address of its private network.
    """
    networks = parse_networks(allowed_networks)
    sentences = [
        f"{network} is every IPv{network.version} address, so it restricts nothing."
        for network in networks
        if network.prefixlen == 0
    ]
    if behind_proxy:
        private = [network for network in networks if network.prefixlen > 0 and network.is_private]
        sentences += [
            f"{as_text(network)} is a private {'range' if is_range(network) else 'address'}. "
            "WizChat sees callers' public addresses, so it may match nobody."
            for network in private[:MAX_ERRORS]
        ]
    if own is not None and not admits(allowed_networks, own):
        sentences.append(f"Your current address ({own}) isn't allowed, so calls from here will be refused.")
    return sentences


def rewritten(typed: str, allowed_networks: str) -> list[str]:
    """Return a sentence for each typed entry that is stored in another form ("a was saved as b")."""
    stored = set(allowed_networks.split("\n"))
    others = list(dict.fromkeys(entry for _, entry in entries(typed) if entry not in stored))
    sentences = [
        f"{entry} was saved as {canonical([parse_network(entry)])}." for entry in others[:MAX_ERRORS]
    ]
    if len(others) > MAX_ERRORS:
        sentences.append(f"{len(others) - MAX_ERRORS:,} more were saved in another form.")
    return sentences


def refusals(allowed_networks: str, callers: Collection[Caller], days: int) -> str:
    """Return a sentence on the calls of ``days`` days that a canonical list would refuse, or "".

    Calls whose address isn't known are left out: nobody can tell what the list does to them.
    """
    known = [caller for caller in callers if caller.address]
    refused = [caller for caller in known if not admits(allowed_networks, parse_address(caller.address))]
    if not refused:
        return ""
    busiest = sorted(refused, key=lambda caller: -caller.total)
    named = ", ".join(f"{caller.address} ({caller.total:,})" for caller in busiest[:ADDRESSES_NAMED])
    more = len(busiest) - ADDRESSES_NAMED
    return (
        f"In the last {days} days {_sum(refused):,} of {_sum(known):,} {_calls(known)} came from addresses "
        f"that this list refuses: {named}{f' and {more:,} more' if more > 0 else ''}."
    )


def effect(allowed_networks: str, callers: Collection[Caller], days: int) -> str:
    """Return what a canonical list would have done to the calls of ``days`` days."""
    if not allowed_networks:
        return "This list is empty, so it allows any address."
    known = [caller for caller in callers if caller.address]
    if not known:
        return f"There were no calls in the last {days} days to check this list against."
    return refusals(allowed_networks, callers, days) or (
        f"In the last {days} days all {_sum(known):,} {_calls(known)} came from addresses "
        "that this list allows."
    )


def _sum(callers: Collection[Caller]) -> int:
    return sum(caller.total for caller in callers)


def _calls(callers: Collection[Caller]) -> str:
    return "call" if _sum(callers) == 1 else "calls"
