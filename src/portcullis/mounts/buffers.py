"""How many bytes of bodies one worker may hold at a time."""

from __future__ import annotations


class BufferBudget:
    """A running total with a cap. Whoever takes bytes gives them back."""

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
