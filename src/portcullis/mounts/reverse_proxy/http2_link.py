"""An HTTP/2 connection, as far as bodies are sent on it: many streams take turns, as fast as the peer takes them.

A stream that can't send what it has waits its turn; in each turn of the loop all streams together give the transport as
much as it takes without having to hold it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from portcullis.mounts.http2.receiving import ReceivingConnection
    from portcullis.mounts.outbox import Outbox

BURST: Final = 64 * 1024
"""Bytes that are given to the transport before it is asked whether it takes more."""


class Pushable(Protocol):
    """A stream that waits its turn."""

    number: int

    def push(self) -> bool:
        """Send a piece of what is held; whether anything was sent."""


class Http2Link(asyncio.Protocol):
    """The connection of some streams."""

    __slots__ = (
        "_burst",
        "_closing",
        "_codec",
        "_outbox",
        "_push_is_due",
        "_turn",
        "_waiting",
        "_writing_blocked",
        "transport",
    )

    transport: asyncio.Transport
    _codec: ReceivingConnection

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._waiting: dict[int, Pushable] = {}  # whose bodies the peer does not take, the next one first
        self._writing_blocked = False
        self._closing = False
        self._push_is_due = False
        self._turn = -1
        self._burst = 0

    def room(self, number: int) -> int:
        """Bytes of a body that can go out on a stream now."""
        if self._writing_blocked:
            return 0
        if self._turn != self._outbox.turns:
            self._burst = 0
        return min(self._codec.room(number), max(0, BURST - self._burst))

    def send_data(self, number: int, data: bytes, *, ended: bool) -> None:
        """Send a piece of a body, if the stream is still there."""
        codec = self._codec
        if number in codec.streams:
            codec.send_data(number, data, ended=ended)
            self._write()
            self._burst += len(data)

    def wait(self, stream: Pushable) -> None:
        """A stream has something that can't be sent now."""
        self._waiting[stream.number] = stream
        if self._burst >= BURST:
            self._push_later()

    def wait_no_more(self, number: int) -> None:
        """Nothing of a stream is held any more."""
        self._waiting.pop(number, None)

    def _push_later(self) -> None:
        """Send what is held after the outbox has written; asked for once, however many streams wait."""
        if not self._push_is_due:
            self._push_is_due = True
            asyncio.get_running_loop().call_soon(self._push_now)

    def _push_now(self) -> None:
        self._push_is_due = False
        self._push()

    def _push(self, only: Pushable | None = None) -> None:
        """Send what is held, of one stream or of all in turn, as long as the peer takes it."""
        waiting = self._waiting
        idle = 0
        while waiting and idle < len(waiting) and not self._writing_blocked and not self._closing:
            stream = next(iter(waiting.values())) if only is None else only
            if stream.push():
                idle = 0
            elif self._burst >= BURST:
                self._push_later()
                return
            else:
                idle += 1
            if only is not None and (idle or stream.number not in waiting):
                return
            if stream.number in waiting:
                waiting[stream.number] = waiting.pop(stream.number)

    def _write(self) -> None:
        """Send at the end of the turn what the protocol has to say."""
        outgoing, outbox = self._codec.outgoing, self._outbox
        if outgoing and self._turn != outbox.turns:
            self._turn = outbox.turns
            self._burst = 0
            outbox.write_all(self.transport, outgoing)
