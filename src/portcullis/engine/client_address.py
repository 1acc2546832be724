"""Which addresses are one client when something is counted by address."""

from __future__ import annotations

import ipaddress
from functools import lru_cache


def counted_as(address: str) -> str:
    """The name under which a client with this ``address`` is counted: ``192.0.2.7``, ``2001:db8:0:1::/64``.

    An IPv4 address stands for itself. IPv6 addresses are counted by their first 64 bits: that is the smallest
    network a site is given (RFC 6177, RFC 7421), and whoever has one can call from any of its 2**64 addresses. An
    IPv4-mapped address (RFC 4291 2.5.5.2) is the IPv4 address. What is no address is taken as it is.
    """
    return address if ":" not in address else _network(address)


@lru_cache(maxsize=8192)
def _network(address: str) -> str:
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{ipaddress.IPv6Address(int(parsed) >> 64 << 64)}/64"
