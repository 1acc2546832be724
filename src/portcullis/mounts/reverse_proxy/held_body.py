"""Bytes of a body that can't go on yet: held in few pieces, and counted against what the worker may hold."""

from __future__ import annotations

from typing import Final

import msgspec

from portcullis.mounts.buffers import Buffers

SMALL_PIECE: Final = 4096
"""Bytes below which a piece is put together with the next: an object of a few bytes costs fifty."""


class HeldBody(msgspec.Struct, eq=False):
    """Pieces of one body. ``size``: their bytes together, which are taken from the budget."""

    _budget: Buffers
    size: int = 0
    _pieces: list[bytes] = []

    def add(self, data: bytes) -> bool:
        """Hold ``data`` too, if the budget allows it."""
        if not data:
            return True
        if not self._budget.take(len(data)):
            return False
        self.size += len(data)
        pieces = self._pieces
        if pieces and len(pieces[-1]) < SMALL_PIECE:
            pieces[-1] += data
        else:
            pieces.append(data)
        return True

    def whole(self) -> bytes:
        """All that is held, in one piece."""
        pieces = self._pieces
        if len(pieces) == 1:
            return pieces[0]
        return b"".join(pieces)

    def release(self) -> None:
        """Hold nothing any more."""
        if self.size:
            self._budget.give(self.size)
            self.size = 0
            self._pieces.clear()

    @property
    def pieces(self) -> int:
        """How many objects the held bytes are in."""
        return len(self._pieces)
