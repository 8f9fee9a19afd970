"""What to mind about an address list: warnings, never refusals."""

from __future__ import annotations

from apikeys.core.networks import IPAddress, canonical, parse_networks
from apikeys.core.policy import admits


def warnings(allowed_networks: str, *, own: IPAddress | None, behind_proxy: bool) -> list[str]:
    """Return a sentence for each thing in a canonical list that its author may not have meant.

    ``own`` is the address of whoever asks; ``behind_proxy`` is whether callers reach the
    server through a proxy, and so never with an address of the server's private network.
    """
    networks = parse_networks(allowed_networks)
    found = [
        f"{network} is every IPv{network.version} address: it keeps none of them out."
        for network in networks
        if network.prefixlen == 0
    ]
    if behind_proxy:
        found += [
            f"{network} is a private range. Callers are seen by their public address, "
            "so it may match none of them."
            for network in networks
            if network.prefixlen > 0 and network.is_private
        ]
    if own is not None and not admits(allowed_networks, own):
        found.append(f"The list leaves out your own address, {own}: calls from here are refused.")
    return found


def rewritten(typed: str, allowed_networks: str) -> list[str]:
    """Return a sentence for each typed line that is stored in another form ("a became b")."""
    stored = set(allowed_networks.split("\n"))
    lines = dict.fromkeys(line.strip() for line in typed.splitlines() if line.strip())
    return [f"{line} was saved as {canonical(parse_networks(line))}." for line in lines if line not in stored]
