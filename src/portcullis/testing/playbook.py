r"""The proxy without sockets: say what the client and the service send, and what each must get.

A test reads as the wire would::

    play = Playbook(snapshot)
    play.client_sends(b"GET /items HTTP/1.1\r\nHost: shop\r\n\r\n")
    await settle()
    play.service_gets(b"GET /items HTTP/1.1\r\n", b"via: 1.1 portcullis\r\n")
    play.service_sends(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    play.client_gets(b"HTTP/1.1 200 OK\r\n", b"\r\n\r\nok")

A new connection to the service is there after :func:`settle`; a kept one is there at once. Time stands still until
:meth:`Playbook.wait` moves it; identifiers count up from 1. What should be and is not raises ``AssertionError``.
"""

from __future__ import annotations

import asyncio

from portcullis.engine.record import Record
from portcullis.engine.snapshot import Snapshot
from portcullis.mounts.reverse_proxy.downstream import DownstreamConnection
from portcullis.mounts.reverse_proxy.gateway import Gateway, Listener
from portcullis.mounts.reverse_proxy.http2_upstream import Http2UpstreamConnection
from portcullis.mounts.reverse_proxy.pool import UpstreamPool
from portcullis.mounts.reverse_proxy.service_connections import AnyConnection
from portcullis.mounts.reverse_proxy.target import Target
from portcullis.mounts.reverse_proxy.upstream import UpstreamConnection
from portcullis.mounts.trace import Identifiers
from portcullis.testing.fakes import FakeClock
from portcullis.testing.transport import FakeTransport

SECOND = 10**9

LISTENER = Listener(
    name="public",
    scheme="http",
    header_ns=10 * SECOND,
    body_ns=30 * SECOND,
    idle_ns=75 * SECOND,
    max_header_bytes=16 * 1024,
)


class Playbook:
    """One client of a gateway that serves ``snapshot``. Must be used within a running asyncio loop.

    ``records``: of the exchanges that ended; ``service_is_up``: whether new connections to the service succeed.
    """

    def __init__(self, snapshot: Snapshot, listener: Listener = LISTENER, clock: FakeClock | None = None) -> None:
        self.clock = clock or FakeClock()
        self.records: list[Record] = []
        self.service_is_up = True
        self.service_connections: list[tuple[AnyConnection, FakeTransport]] = []
        self.gateway = Gateway(snapshot, {}, _Records(self.records), self.clock.now_ns, self.clock.wall_s)
        self.gateway.identifiers = _CountingIdentifiers()
        for name, api in snapshot.configuration.apis.items():
            self.gateway.pools[name] = _PlaybookPool(
                self, name, api.upstream, self.gateway.deadlines, self.gateway.outbox
            )
        self.listener = listener
        self.connect()

    def connect(self) -> None:
        """A new connection of the client."""
        self.client_transport = FakeTransport()
        self.client = DownstreamConnection(self.gateway, self.listener)
        self.client.connection_made(self.client_transport)

    # The client.

    def client_sends(self, data: bytes) -> None:
        """Bytes from the client arrive."""
        self.client_transport.protocol_of(self.client).data_received(data)

    def client_gets(self, *parts: bytes) -> bytes:
        """What the client was sent since the last time: it must hold ``parts`` in this order; without any, nothing."""
        self.gateway.outbox.flush()
        return _check("client", self.client_transport.take(), parts)

    def client_goes(self) -> None:
        """The client closes its connection."""
        self.client_transport.lose(self.client_transport.protocol_of(self.client))

    def client_is(self, state: str) -> None:
        """Its connection is ``""`` (open), ``"closed"`` or ``"aborted"``."""
        self.gateway.outbox.flush()
        actual = self.client_transport.closed
        if actual != state:
            raise AssertionError(f"the client's connection is {actual or 'open'!r}, not {state or 'open'!r}")

    # The service.

    @property
    def service(self) -> tuple[AnyConnection, FakeTransport]:
        """The newest connection to the service."""
        if not self.service_connections:
            raise AssertionError("there is no connection to the service")
        return self.service_connections[-1]

    def service_sends(self, data: bytes) -> None:
        """Bytes from the service arrive."""
        self.gateway.outbox.flush()
        connection, transport = self.service
        if transport.closed:
            raise AssertionError(f"the connection to the service is {transport.closed}")
        transport.protocol_of(connection).data_received(data)

    def service_gets(self, *parts: bytes) -> bytes:
        """What the service was sent since the last time: it must hold ``parts`` in this order; without any, nothing."""
        self.gateway.outbox.flush()
        return _check("service", self.service[1].take() if self.service_connections else b"", parts)

    def service_goes(self, error: Exception | None = None) -> None:
        """The service closes its connection, or it breaks with ``error``."""
        connection, transport = self.service
        protocol = transport.protocol_of(connection)
        if error is None:
            protocol.eof_received()
        transport.lose(protocol, error)

    def wait(self, seconds: float) -> None:
        """Time passes; what has a deadline in it strikes."""
        self.clock.advance(seconds)
        self.gateway.deadlines.sweep()


def _check(who: str, got: bytes, parts: tuple[bytes, ...]) -> bytes:
    if not parts and got:
        raise AssertionError(f"the {who} should get nothing, but got {got!r}")
    position = 0
    for part in parts:
        found = got.find(part, position)
        if found < 0:
            raise AssertionError(f"the {who} should get {part!r} after {got[:position]!r}, but got {got[position:]!r}")
        position = found + len(part)
    return got


class _Records:
    def __init__(self, records: list[Record]) -> None:
        self.add = records.append


class _CountingIdentifiers(Identifiers):
    __slots__ = ("_count",)

    def __init__(self) -> None:
        super().__init__()
        self._count = 0

    def next(self) -> str:
        self._count += 1
        return f"{self._count:032x}"


class _PlaybookPool(UpstreamPool):
    """A pool whose new connections are there at once, on fake transports."""

    def __init__(self, play: Playbook, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._play = play

    async def _open(self, target: Target) -> AnyConnection:
        if not self._play.service_is_up:
            raise ConnectionRefusedError(111, "Connection refused")
        made: asyncio.Future[AnyConnection] = asyncio.get_running_loop().create_future()
        kind = Http2UpstreamConnection if self.protocols[0] == "h2" else UpstreamConnection
        connection: AnyConnection = kind(self, target, made)
        transport = FakeTransport(("192.0.2.80", 80))
        connection.connection_made(transport)
        self._play.service_connections.append((connection, transport))
        return connection


async def settle(rounds: int = 5) -> None:
    """Let what is ready in the loop run: a new connection takes a turn of it."""
    for _ in range(rounds):
        await asyncio.sleep(0)
