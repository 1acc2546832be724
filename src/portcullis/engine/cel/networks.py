"""``ip_in(address, network)``."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Final, TypeAlias

from portcullis.engine.address_lists import as_ipv4
from portcullis.engine.cel.compiled import Compiled, Frame, spend
from portcullis.engine.cel.errors import EvaluationError, no_overload

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


_LONGEST: Final = 64
"""Characters of an address; it has at most 45, and the name of an interface."""
_STEPS: Final = 16
"""Steps that a look-up takes."""


@lru_cache(maxsize=4096)
def parse_address(text: str) -> Address:
    """The address that ``text`` is; one of IPv4 written as IPv6 is of IPv4. Raises :class:`EvaluationError`."""
    if len(text) > _LONGEST:
        raise EvaluationError("a text is no IP address")
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise EvaluationError("a text is no IP address") from None
    mapped = address.ipv4_mapped if address.version == 6 else None
    return mapped or address


@lru_cache(maxsize=1024)
def parse_network(text: str) -> Network:
    """The network, or the one address, that ``text`` is. Raises :class:`EvaluationError`."""
    try:
        return as_ipv4(ipaddress.ip_network(text))
    except ValueError:
        raise EvaluationError("a text is no network, such as 10.0.0.0/8") from None


def compile_ip_in(address: Compiled, network: Compiled) -> Compiled:
    """``ip_in(address, network)``. Raises :class:`EvaluationError` for a literal that is no network."""
    run, run_network = address.run, network.run
    if network.is_constant:
        known = parse_network(network.constant)

        def is_in_known(frame: Frame) -> bool:
            spend(frame, _STEPS)
            return _parsed(run(frame)) in known

        return Compiled(is_in_known, bool)

    def is_in(frame: Frame) -> bool:
        spend(frame, _STEPS)
        within = run_network(frame)
        if type(within) is not str:
            raise no_overload()
        return _parsed(run(frame)) in parse_network(within)

    return Compiled(is_in, bool)


def _parsed(text: object) -> Address:
    if type(text) is not str:
        raise no_overload()
    return parse_address(text)
