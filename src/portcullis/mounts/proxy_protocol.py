"""Connections that a balancer passes on with a PROXY header before everything else, TLS included.

Only peers that are named are asked for one, and they must send it: anybody else speaks for himself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from portcullis.mounts.deadlines import Deadlines
from portcullis.mounts.forwarding import Network, is_trusted, plain_address
from portcullis.mounts.proxy_header import ProxyHeaderError, read_proxy_header

_log = logging.getLogger(__name__)
_PAUSE_NS: Final = 10**9
"""Between two lines of the log about one listener."""
_METHODS: Final = (
    "abort",
    "can_write_eof",
    "close",
    "get_protocol",
    "get_write_buffer_limits",
    "get_write_buffer_size",
    "is_closing",
    "is_reading",
    "pause_reading",
    "resume_reading",
    "set_protocol",
    "set_write_buffer_limits",
    "write",
    "write_eof",
    "writelines",
)


class PassedOnTransport:
    """A transport whose peer is who a header has named; all it does is the transport's own."""

    __slots__ = (*_METHODS, "_get", "_peer")

    def __init__(self, transport: asyncio.Transport, peer: tuple[str, int]) -> None:
        for name in _METHODS:
            setattr(self, name, getattr(transport, name))
        self._get = transport.get_extra_info
        self._peer = peer

    def __repr__(self) -> str:
        return f"<PassedOnTransport {self._peer[0]}>"

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What is known about the connection."""
        return self._peer if name == "peername" else self._get(name, default)


class ProxyListener:
    """A listener some of whose ``peers`` send headers, which may take ``header_ns`` nanoseconds.

    ``waiting``: how many connections wait for their header.
    """

    __slots__ = ("_name", "_silent_until", "deadlines", "header_ns", "peers", "waiting")

    def __init__(self, name: str, peers: Sequence[Network], deadlines: Deadlines, header_ns: int) -> None:
        self.peers = peers
        self.deadlines = deadlines
        self.header_ns = header_ns
        self.waiting = 0
        self._name = name
        self._silent_until = 0

    def refused(self, peer: str, reason: str) -> None:
        """Write into the log, once a second at most, that a connection of ``peer`` was closed."""
        now = self.deadlines.now()
        if now >= self._silent_until:
            self._silent_until = now + _PAUSE_NS
            _log.warning("listener %s closed a connection of %s: %s", self._name, peer, reason)


class ProxyProtocol(asyncio.Protocol):
    """A new connection: takes the header off if its peer sends one, then gives way to what ``make`` makes."""

    __slots__ = ("_buffer", "_listener", "_make", "_peer", "_transport", "_waits", "deadline")

    def __init__(self, make: Callable[[], asyncio.Protocol], listener: ProxyListener) -> None:
        self._make = make
        self._listener = listener
        self._buffer = b""
        self._peer = ""
        self._waits = False
        self._transport: asyncio.Transport
        self.deadline = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the header, if there has to be one."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self._peer = plain_address(str(peer[0])) if peer else ""
        listener = self._listener
        if not is_trusted(self._peer, listener.peers):
            self._give_way(self._transport, b"")
            return
        self._waits = True
        listener.waiting += 1
        self.deadline = listener.deadlines.now() + listener.header_ns
        listener.deadlines.add(self)

    def data_received(self, data: bytes) -> None:
        """Read on; what follows the header is the client's."""
        if not self._waits:
            return
        self._buffer += data
        try:
            header = read_proxy_header(self._buffer)
        except ProxyHeaderError as error:
            self._refuse(str(error))
            return
        if header is None:
            return
        self._wait_no_more()
        transport = self._transport
        if header.client is not None:
            transport = cast("asyncio.Transport", PassedOnTransport(transport, header.client))
        self._give_way(transport, self._buffer[header.length :])

    def eof_received(self) -> bool:
        """The peer has ended before its header did."""
        return False

    def connection_lost(self, _exc: Exception | None) -> None:
        """Nothing was served on it yet."""
        self._wait_no_more()

    def expire(self) -> None:
        """The header took too long."""
        self._refuse("its PROXY header did not arrive in time")

    def _refuse(self, reason: str) -> None:
        self._wait_no_more()
        self._listener.refused(self._peer, reason)
        self._transport.abort()

    def _wait_no_more(self) -> None:
        if self._waits:
            self._waits = False
            self._listener.waiting -= 1
            self._listener.deadlines.discard(self)

    def _give_way(self, transport: asyncio.Transport, rest: bytes) -> None:
        protocol = self._make()
        self._transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if rest and not transport.is_closing():
            protocol.data_received(rest)
