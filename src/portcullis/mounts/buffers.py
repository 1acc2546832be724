"""How many bytes of bodies one worker may hold at a time, for all clients and for each (OWASP API4:2023)."""

from __future__ import annotations

from typing import Final, Protocol
from weakref import WeakValueDictionary

import msgspec

from portcullis.engine.client_address import counted_as
from portcullis.engine.codes import BUFFERS_FULL
from portcullis.engine.decision import Finding, Refuse

ALL: Final = "#/process/buffer_memory"
EACH: Final = "#/process/buffer_memory_per_address"


class Buffers(Protocol):
    """Where held bytes are counted. Whoever takes bytes gives them back."""

    def take(self, count: int) -> bool:
        """Whether ``count`` more bytes may be held; if so they are."""

    def give(self, count: int) -> None:
        """Give ``count`` bytes back, of those that were taken."""

    def full(self) -> Refuse:
        """The refusal of whoever was not given what he would have taken."""


class BufferBudget:
    """A running total with a cap: that of a worker."""

    __slots__ = ("cap", "held")

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self.held = 0

    def take(self, count: int) -> bool:
        """Whether ``count`` more bytes may be held; if so they are."""
        if self.held + count > self.cap:
            return False
        self.held += count
        return True

    def give(self, count: int) -> None:
        """Give ``count`` bytes back, of those that were taken."""
        self.held -= count

    def full(self) -> Refuse:
        """The refusal of whoever was not given what he would have taken."""
        return Refuse(BUFFERS_FULL, finding=Finding("/body", allowed=f"{self.cap} bytes at a time", source=ALL))


class BufferShare(msgspec.Struct, eq=False, weakref=True):
    """What one client may hold of ``budget``: ``cap`` bytes, on all his connections together."""

    budget: BufferBudget
    cap: int
    held: int = 0

    def take(self, count: int) -> bool:
        """Whether ``count`` more bytes may be held; if so they are."""
        budget = self.budget
        held, of_all = self.held + count, budget.held + count
        if held > self.cap or of_all > budget.cap:
            return False
        self.held, budget.held = held, of_all
        return True

    def give(self, count: int) -> None:
        """Give ``count`` bytes back, of those that were taken."""
        self.held -= count
        self.budget.held -= count

    def full(self) -> Refuse:
        """The refusal of whoever was not given what he would have taken."""
        if self.budget.cap - self.budget.held < self.cap - self.held:
            return self.budget.full()
        return Refuse(BUFFERS_FULL, finding=Finding("/body", allowed=f"{self.cap} bytes at a time", source=EACH))


class BufferShares:
    """The shares of those who are connected; whose last connection goes is forgotten."""

    __slots__ = ("_budget", "_cap", "_shares")

    def __init__(self, budget: BufferBudget, cap: int) -> None:
        self._budget = budget
        self._cap = cap
        self._shares: WeakValueDictionary[str, BufferShare] = WeakValueDictionary()

    def of(self, address: str) -> BufferShare:
        """The share of the client at ``address``."""
        client = counted_as(address)
        share = self._shares.get(client)
        if share is None:
            share = self._shares[client] = BufferShare(self._budget, self._cap)
        return share

    def __len__(self) -> int:
        """How many clients have one."""
        return len(self._shares)
