"""Whether a connection may stay: by its address, and by how many there are, in all and from one (OWASP API4:2023).

Decided when TCP accepts, before any handshake, so that half-open handshakes count too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from portcullis.engine.address_lists import AddressLists
from portcullis.mounts.forwarding import Network, is_trusted


class ConnectionCounts(Protocol):
    """Open connections by client address, over all workers of the machine."""

    def acquire(self, address: str, worker: int, limit: int) -> bool:
        """Count one more connection of ``address``, unless it has ``limit`` already."""

    def release(self, address: str, worker: int) -> None:
        """Count one less."""


class Gate:
    """The caps and the address lists of one listener in one worker.

    ``refused``: connections over the caps so far; ``denied``: those from addresses that may not connect.
    """

    __slots__ = ("addresses", "counts", "denied", "limit", "limit_per_address", "open", "refused", "trusted", "worker")

    def __init__(
        self,
        counts: ConnectionCounts,
        worker: int,
        limit: int,
        limit_per_address: int,
        trusted: Sequence[Network],
        addresses: AddressLists | None = None,
    ) -> None:
        self.counts = counts
        self.worker = worker
        self.limit = limit
        self.limit_per_address = limit_per_address
        self.trusted = trusted
        self.addresses = addresses
        self.open = 0
        self.refused = 0
        self.denied = 0


class Admission:
    """The place of one connection under the caps of its listener."""

    __slots__ = ("_address", "_admitted", "_gate")

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._address: str | None = None
        self._admitted = False

    def admit(self, transport: asyncio.Transport) -> bool:
        """Count the connection; ``False`` if its address may not connect, or there is no place for it.

        One that has its place already keeps it: a connection is asked by whoever serves it next.
        """
        if self._admitted:
            return True
        gate = self._gate
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if peer else ""
        if gate.addresses is not None and gate.addresses.judge(address) is not None:
            gate.denied += 1
            return False
        if gate.open < gate.limit:
            if gate.trusted and is_trusted(address, gate.trusted):
                self._admitted = True
            elif gate.counts.acquire(address, gate.worker, gate.limit_per_address):
                self._address = address
                self._admitted = True
        if self._admitted:
            gate.open += 1
        else:
            gate.refused += 1
        return self._admitted

    def release(self) -> None:
        """Give the place back. Harmless if there was none."""
        if self._admitted:
            self._admitted = False
            self._gate.open -= 1
            if self._address is not None:
                self._gate.counts.release(self._address, self._gate.worker)
