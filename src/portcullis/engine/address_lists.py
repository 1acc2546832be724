"""Lists of networks that addresses are allowed or denied by, made to be asked for every request.

The networks of a list nest or lie apart, so a list becomes a line of intervals, each with the narrowest network that
holds it, and a look-up is one bisection. An IPv4-mapped IPv6 address (RFC 4291 2.5.5.2) is the IPv4 address that it
holds, in a list and in a look-up: a socket that takes both sees IPv4 clients so.
"""

from __future__ import annotations

import ipaddress
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Final, Literal, TypeAlias

import msgspec

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAPPED: Final = 0xFFFF
"""What the first 96 bits of an IPv4-mapped address read: ``::ffff:0:0/96``."""
_REMEMBERED: Final = 8192
"""Addresses whose verdict a list remembers: the busiest callers of a worker."""


class Rejection(msgspec.Struct, frozen=True):
    """Why an address may not call: a ``network`` of the list ``by`` holds it, or (``""``) none of ``allow`` does.

    ``index``: of the network in its list as it was given.
    """

    by: Literal["allow", "deny"]
    network: str = ""
    index: int = -1


class AddressLists:
    """An allow-list and a deny-list. An empty ``allow`` allows every address; ``deny`` wins over it.

    ``judge(address)`` says why the address, given as text, is rejected, or ``None``. What is no address can't be found
    in any list, so it is rejected.
    """

    __slots__ = ("_allow", "_deny", "judge")

    judge: Callable[[str], Rejection | None]

    def __init__(self, allow: Sequence[Network], deny: Sequence[Network]) -> None:
        self._allow = _Intervals(allow) if allow else None
        self._deny = _Intervals(deny)
        self.judge = lru_cache(maxsize=_REMEMBERED)(self._judge)

    def _judge(self, address: str) -> Rejection | None:
        try:
            number, is_ipv4 = _number(address)
        except ValueError:
            return Rejection("allow" if self._allow is not None else "deny")
        denied = self._deny.find(number, is_ipv4)
        if denied is not None:
            return Rejection("deny", str(denied[1]), denied[0])
        if self._allow is None or self._allow.find(number, is_ipv4) is not None:
            return None
        return Rejection("allow")


@lru_cache(maxsize=1024)
def shared_lists(allow: tuple[Network, ...], deny: tuple[Network, ...]) -> AddressLists:
    """The same object for the same lists: the operations of an API need not each have their own."""
    return AddressLists(allow, deny)


def as_ipv4(network: Network) -> Network:
    """``network`` without the prefix that makes IPv4 addresses IPv6 ones, if it has that."""
    first = int(network.network_address)
    if network.version == 6 and network.prefixlen >= 96 and first >> 32 == _MAPPED:
        return ipaddress.IPv4Network((first & 0xFFFFFFFF, network.prefixlen - 96))
    return network


class AddressSet:
    """All addresses of some networks together, to be asked about other networks."""

    def __init__(self, networks: Iterable[Network]) -> None:
        plain = [as_ipv4(network) for network in networks]
        self._ipv4 = _merged(each for each in plain if each.version == 4)
        self._ipv6 = _merged(each for each in plain if each.version == 6)

    @property
    def is_everything(self) -> bool:
        """Whether every address is in it, IPv4 and IPv6."""
        return self._ipv4 == [(0, 2**32)] and self._ipv6 == [(0, 2**128)]

    def holds(self, network: Network) -> bool:
        """Whether all addresses of ``network`` are in it."""
        first, end, ranges = self._bounds(network)
        position = bisect_right(ranges, first, key=_first) - 1
        return position >= 0 and ranges[position][1] >= end

    def meets(self, network: Network) -> bool:
        """Whether any address of ``network`` is in it."""
        first, end, ranges = self._bounds(network)
        position = bisect_right(ranges, first, key=_first)
        if position and ranges[position - 1][1] > first:
            return True
        return position < len(ranges) and ranges[position][0] < end

    def has(self, address: str) -> bool:
        """Whether the address, given as text, is in it; what is no address is not."""
        try:
            number, is_ipv4 = _number(address)
        except ValueError:
            return False
        ranges = self._ipv4 if is_ipv4 else self._ipv6
        position = bisect_right(ranges, number, key=_first) - 1
        return position >= 0 and number < ranges[position][1]

    def _bounds(self, network: Network) -> tuple[int, int, list[tuple[int, int]]]:
        plain = as_ipv4(network)
        first = int(plain.network_address)
        return first, first + plain.num_addresses, self._ipv4 if plain.version == 4 else self._ipv6


def _merged(networks: Iterable[Network]) -> list[tuple[int, int]]:
    """First addresses and ends of what ``networks`` hold, in order; what touches is one."""
    ranges: list[tuple[int, int]] = []
    for first, size in sorted((int(each.network_address), each.num_addresses) for each in networks):
        end = first + size
        if ranges and first <= ranges[-1][1]:
            ranges[-1] = (ranges[-1][0], max(end, ranges[-1][1]))
        else:
            ranges.append((first, end))
    return ranges


def nested(networks: Sequence[Network]) -> dict[int, int]:
    """For each network that lies inside of another one (or is it) the index of that one, by its own index."""
    found: dict[int, int] = {}
    around: list[tuple[int, int, int]] = []  # version, end and index of what is around the network that comes next
    plain = [(each.version, int(each.network_address), each.num_addresses) for each in map(as_ipv4, networks)]
    for index in sorted(range(len(plain)), key=lambda index: (*plain[index][:2], -plain[index][2], index)):
        version, first, size = plain[index]
        while around and (around[-1][0] != version or around[-1][1] <= first):
            around.pop()
        if around:
            found[index] = around[-1][2]
        else:
            around.append((version, first + size, index))
    return found


def _first(each: tuple[int, int]) -> int:
    return each[0]


@lru_cache(maxsize=_REMEMBERED)
def _number(address: str) -> tuple[int, bool]:
    """``address`` as a number, and whether it is an IPv4 one. Raises ``ValueError``."""
    if ":" not in address:
        return int(ipaddress.IPv4Address(address)), True
    number = int(ipaddress.IPv6Address(address.partition("%")[0]))
    return (number & 0xFFFFFFFF, True) if number >> 32 == _MAPPED else (number, False)


Labelled = tuple[int, Network]


class _Intervals:
    """Networks as disjoint intervals; finds the narrowest network that holds an address."""

    __slots__ = ("_ipv4", "_ipv6")

    def __init__(self, networks: Sequence[Network]) -> None:
        plain = [(index, network, as_ipv4(network)) for index, network in enumerate(networks)]
        self._ipv4 = _line([each for each in plain if each[2].version == 4])
        self._ipv6 = _line([each for each in plain if each[2].version == 6])

    def find(self, number: int, is_ipv4: bool) -> Labelled | None:
        """The network that holds the address, with its index among those given."""
        starts, labels = self._ipv4 if is_ipv4 else self._ipv6
        return labels[bisect_right(starts, number)]


def _line(networks: list[tuple[int, Network, Network]]) -> tuple[list[int], list[Labelled | None]]:
    """Where intervals start, and what holds what lies before the first start, from the first on, and so forth."""
    starts: list[int] = []
    labels: list[Labelled | None] = [None]

    def begin(at: int, label: Labelled | None) -> None:
        if starts and starts[-1] == at:
            labels[-1] = label
        else:
            starts.append(at)
            labels.append(label)

    open_ones: list[tuple[int, Labelled]] = []  # the networks around what comes next, with their ends

    def close_until(at: float) -> None:
        while open_ones and open_ones[-1][0] <= at:
            end, _ = open_ones.pop()
            begin(end, open_ones[-1][1] if open_ones else None)

    for index, written, network in sorted(networks, key=lambda each: (int(each[2].network_address), each[2].prefixlen)):
        first = int(network.network_address)
        close_until(first)
        label = (index, written)
        open_ones.append((first + network.num_addresses, label))
        begin(first, label)
    close_until(float("inf"))
    return starts, labels
