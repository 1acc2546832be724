"""A transport without a socket."""

from __future__ import annotations

import asyncio
from typing import cast


class FakeTransport(asyncio.Transport):
    """Keeps what is written, and does nothing by itself: what a loop would do, a test does.

    ``closed``: ``""``, ``"closed"`` or ``"aborted"``; ``ended``: the protocol has said that it writes no more;
    ``reading``: whether the protocol wants to be given data; ``unsent``: bytes the peer has not taken yet, as a test
    wants them. :meth:`lose` calls ``connection_lost`` as a loop would.
    """

    def __init__(self, peer: tuple[str, int] = ("192.0.2.1", 40000)) -> None:
        super().__init__({"peername": peer})
        self._written = bytearray()
        self._lost = False
        self._protocol: asyncio.Protocol | None = None
        self.closed = ""
        self.reading = True
        self.ended = False
        self.unsent = 0

    @property
    def sent(self) -> bytes:
        """Everything that was written and not yet taken."""
        return bytes(self._written)

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = bytes(self._written)
        self._written.clear()
        return taken

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep ``data``; dropped once closed. Raises ``RuntimeError`` after :meth:`write_eof`, as a socket would."""
        if self.ended:
            raise RuntimeError("written after write_eof")
        if not self.closed:
            self._written += data

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Note to whom what arrives is to be given from now on."""
        self._protocol = cast("asyncio.Protocol", protocol)

    def protocol_of(self, first: asyncio.Protocol) -> asyncio.Protocol:
        """To whom what arrives is given: ``first``, unless it was replaced."""
        return self._protocol or first

    def close(self) -> None:
        """Note that the protocol closes the connection."""
        self.closed = self.closed or "closed"

    def abort(self) -> None:
        """Note that the protocol breaks the connection off."""
        self.closed = "aborted"

    def is_closing(self) -> bool:
        """Whether the protocol has closed the connection, or broken it off."""
        return bool(self.closed)

    def pause_reading(self) -> None:
        """Note that the protocol wants no data for now."""
        self.reading = False

    def resume_reading(self) -> None:
        """Note that it wants data again."""
        self.reading = True

    def is_reading(self) -> bool:
        """Whether the protocol wants data."""
        return self.reading and not self.closed

    def can_write_eof(self) -> bool:
        """As TCP: yes."""
        return True

    def write_eof(self) -> None:
        """Note that the protocol writes no more."""
        self.ended = True

    def get_write_buffer_size(self) -> int:
        """What the test says."""
        return self.unsent

    def lose(self, protocol: asyncio.BaseProtocol, error: Exception | None = None) -> None:
        """Tell ``protocol`` that the connection is gone, as a loop would, once, after closing."""
        if self._lost:
            raise RuntimeError("a connection is lost only once")
        self._lost = True
        self.closed = self.closed or "closed"
        protocol.connection_lost(error)
