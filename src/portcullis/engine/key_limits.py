"""Where one API key works: at some APIs and operations, for callers from some networks."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Iterator
from typing import Literal

import msgspec

from portcullis.engine.address_lists import AddressSet, Network
from portcullis.engine.operation import Operation


class KeyLimits(msgspec.Struct, frozen=True, eq=False):
    """``apis`` and ``operations`` by their names, everywhere if empty; ``addresses``: ``None`` for all.

    ``networks``: the addresses in words.
    """

    apis: frozenset[str]
    operations: frozenset[str]
    addresses: AddressSet | None
    networks: str

    @classmethod
    def of(cls, apis: Collection[str], operations: Collection[str], networks: Collection[str]) -> KeyLimits | None:
        """The limits; ``None`` where there are none. Of networks that can't be read no address is in them."""
        if not (apis or operations or networks):
            return None
        addresses = AddressSet(_readable(networks)) if networks else None
        return cls(frozenset(apis), frozenset(operations), addresses, ", ".join(networks))

    def exceeded(self, operation: Operation, client: str) -> Literal["operation", "address"] | None:
        """What a call of ``operation`` from the address ``client`` offends against, if anything."""
        if (self.apis and operation.api not in self.apis) or (
            self.operations and operation.name not in self.operations
        ):
            return "operation"
        return None if self.addresses is None or self.addresses.has(client) else "address"


def _readable(networks: Iterable[str]) -> Iterator[Network]:
    for network in networks:
        try:
            yield ipaddress.ip_network(network)
        except ValueError:
            continue
