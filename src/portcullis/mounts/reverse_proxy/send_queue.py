"""What of an answer's body can't be sent yet, since its client does not take it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from portcullis.mounts.reverse_proxy.held_body import SMALL_PIECE

if TYPE_CHECKING:
    from portcullis.mounts.buffers import Buffers

_LARGE_PIECE: Final = 64 * 1024


class SendQueue:
    """Bytes in order, counted against what the worker may hold. ``ended``: nothing comes after them."""

    __slots__ = ("_budget", "_pieces", "ended", "size")

    def __init__(self, budget: Buffers) -> None:
        self._budget = budget
        self._pieces: deque[bytes] = deque()
        self.size = 0
        self.ended = False

    def add(self, data: bytes) -> bool:
        """Hold ``data`` too, if the budget allows it."""
        if data:
            if not self._budget.take(len(data)):
                return False
            self.size += len(data)
            pieces = self._pieces
            if pieces and len(pieces[-1]) < SMALL_PIECE:  # each would take more than the bytes in it
                data = pieces.pop() + data
            if len(data) > _LARGE_PIECE:  # what is left of one is copied with each byte that is taken
                pieces.extend([data[at : at + _LARGE_PIECE] for at in range(0, len(data), _LARGE_PIECE)])
            else:
                pieces.append(data)
        return True

    def take(self, most: int) -> bytes:
        """The next bytes, at most ``most``; in one piece of what was added."""
        if not self._pieces:
            return b""
        piece = self._pieces.popleft()
        if len(piece) > most:
            self._pieces.appendleft(piece[most:])
            piece = piece[:most]
        self.size -= len(piece)
        self._budget.give(len(piece))
        return piece

    def release(self) -> None:
        """Hold nothing any more."""
        self._budget.give(self.size)
        self.size = 0
        self._pieces.clear()
