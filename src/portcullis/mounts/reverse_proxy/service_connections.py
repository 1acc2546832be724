"""Connections to a service opened: its address found, TLS spoken, and the protocol agreed on."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, cast

from portcullis.mounts.reverse_proxy.http2_upstream import Http2UpstreamConnection, NoHttp2Error
from portcullis.mounts.reverse_proxy.target import is_address
from portcullis.mounts.reverse_proxy.upstream import UpstreamConnection
from portcullis.mounts.tls import TlsLayer
from portcullis.mounts.upstream_tls import UpstreamTls, upstream_context

if TYPE_CHECKING:
    from portcullis.mounts.reverse_proxy.pool import UpstreamPool
    from portcullis.mounts.reverse_proxy.target import Target

AnyConnection = UpstreamConnection | Http2UpstreamConnection


async def open_connection(pool: UpstreamPool, target: Target) -> AnyConnection:
    """A new connection to ``target``, ready for requests. Raises ``OSError`` and whatever else is in its way.

    Whoever gives up waiting cancels it; then the connection ends, and is not counted.
    """
    loop = asyncio.get_running_loop()
    address = await address_of(pool, target)
    made: asyncio.Future[AnyConnection] = loop.create_future()
    connection = _Opening(pool, target, made) if target.secure else _of_first_protocol(pool, target, made)

    def protocol() -> asyncio.Protocol:
        if not target.secure:
            return connection
        return TlsLayer(
            pool.tls or upstream_context(UpstreamTls(protocols=pool.protocols)),
            connection,
            pool.deadlines,
            int(pool.connect_seconds * 1e9),
            server_side=False,
            server_hostname=pool.server_name or target.host,
            failed=connection.handshake_failed,
        )

    transport = None
    try:
        transport, _ = await loop.create_connection(protocol, address, target.port)
        return await made
    except BaseException:
        connection.discount()
        if transport is not None:
            transport.abort()
        raise


def _of_first_protocol(pool: UpstreamPool, target: Target, made: asyncio.Future[AnyConnection]) -> AnyConnection:
    kind = Http2UpstreamConnection if pool.protocols[0] == "h2" else UpstreamConnection
    return kind(pool, target, made)


class _Opening(asyncio.Protocol):
    """Gives way, once the handshake is done, to the connection of the protocol that was agreed on (ALPN)."""

    def __init__(self, pool: UpstreamPool, target: Target, made: asyncio.Future[AnyConnection]) -> None:
        self._pool = pool
        self._target = target
        self._made = made
        self._agreed: AnyConnection | None = None
        self._counted = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        agreed = transport.get_extra_info("ssl_object").selected_alpn_protocol()
        if agreed != "h2" and "http/1.1" not in self._pool.protocols:
            self.handshake_failed(NoHttp2Error("it does not speak HTTP/2, or does not say so (ALPN)"))
            cast(asyncio.Transport, transport).close()
            return
        kind = Http2UpstreamConnection if agreed == "h2" else UpstreamConnection
        connection = self._agreed = kind(self._pool, self._target, self._made)
        if not self._counted:
            connection.discount()
        cast(asyncio.Transport, transport).set_protocol(connection)
        connection.connection_made(transport)

    def handshake_failed(self, error: Exception) -> None:
        """TLS with the target failed; there will be no ``connection_made``."""
        if not self._made.done():
            self._made.set_exception(error)

    def discount(self) -> None:
        """Nobody waits for it any more."""
        self._counted = False
        if self._agreed is not None:
            self._agreed.discount()


async def address_of(pool: UpstreamPool, target: Target) -> str:
    """The next address of ``target``, resolved again when what is known has become old."""
    now = pool.deadlines.now()
    known = target.addresses
    if not is_address(target.host) and (not known or now - target.resolved_at > pool.resolve_ns):
        target.resolved_at = now
        try:
            found = await asyncio.get_running_loop().getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        except OSError:
            if not known:
                raise
        else:
            target.addresses = known = tuple(dict.fromkeys(str(info[4][0]) for info in found))
    target.turn = (target.turn + 1) % len(known)
    return known[target.turn]
