"""Which protocol a client speaks: as TLS has negotiated it (ALPN, RFC 7301), or as its first bytes say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from portcullis.mounts.admission import Admission
from portcullis.mounts.http2.frames import PREFACE
from portcullis.mounts.reverse_proxy.downstream import DownstreamConnection
from portcullis.mounts.reverse_proxy.downstream_http2 import Http2Connection
from portcullis.mounts.reverse_proxy.gateway import Gateway, Listener

Connect = Callable[[Gateway, Listener, Admission | None], asyncio.Protocol]


class NegotiatedConnection(asyncio.Protocol):
    """Gives way, once the handshake is done, to the connection of the protocol that was agreed on.

    A client that names no protocol speaks HTTP/1.1, where that is spoken: HTTP/2 has to be named (RFC 9113 3.2).
    """

    __slots__ = ("_gateway", "_listener")

    def __init__(self, gateway: Gateway, listener: Listener) -> None:
        self._gateway = gateway
        self._listener = listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        agreed = transport.get_extra_info("ssl_object").selected_alpn_protocol()
        if agreed is None and "http/1.1" not in self._listener.protocols:
            cast(asyncio.Transport, transport).close()
            return
        kind: Connect = Http2Connection if agreed == "h2" else DownstreamConnection
        connection = kind(self._gateway, self._listener, None)
        cast(asyncio.Transport, transport).set_protocol(connection)
        connection.connection_made(transport)


class UndecidedConnection(DownstreamConnection):
    """A connection in clear that may begin with HTTP/2's preface (RFC 9113 3.3), and else speaks HTTP/1.1.

    Until that is known it is one of HTTP/1.1, with the deadlines that such a one has.
    """

    __slots__ = ("_begun",)

    def __init__(self, gateway: Gateway, listener: Listener, admission: Admission | None = None) -> None:
        super().__init__(gateway, listener, admission)
        self._begun: bytes | None = b""

    def data_received(self, data: bytes) -> None:
        begun = self._begun
        if begun is None:
            super().data_received(data)
            return
        begun += data
        if begun.startswith(PREFACE):
            self._give_way(begun)
        elif PREFACE.startswith(begun):
            self._begun = begun
        else:
            self._begun = None
            super().data_received(begun)

    def _give_way(self, begun: bytes) -> None:
        gateway = self._gateway
        gateway.connections.discard(self)
        gateway.deadlines.discard(self)
        connection = Http2Connection(gateway, self._listener, self._admission)
        self.transport.set_protocol(connection)
        connection.connection_made(self.transport)
        connection.data_received(begun)
