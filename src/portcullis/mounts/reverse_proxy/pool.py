"""The pool of connections to one upstream: which target, which connection, and what to do when there is none.

:meth:`UpstreamPool.acquire` decides at once: a kept connection, or a place in the line and perhaps a new
connection under way. Targets take turns; one that fails repeatedly is left out for a while (passive health), unless
all are: then the one whose time is up first is tried, since refusing everybody helps nobody.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections import deque
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from portcullis.engine.codes import NO_UPSTREAM, UPSTREAM_UNREACHABLE
from portcullis.engine.config.model import UpstreamConfig
from portcullis.mounts.deadlines import Deadlines
from portcullis.mounts.outbox import Outbox
from portcullis.mounts.reverse_proxy.roles import Waiter
from portcullis.mounts.reverse_proxy.upstream import UpstreamConnection
from portcullis.mounts.tls import TlsLayer, client_context

MAX_EJECTION_NS: Final = 300 * 10**9


class Target:
    """One instance of a service, with its kept connections and its health."""

    __slots__ = (
        "addresses",
        "authority",
        "ejected_until",
        "ejections",
        "failures",
        "host",
        "idle",
        "open",
        "pool",
        "port",
        "resolved_at",
        "secure",
        "turn",
        "url",
    )

    def __init__(self, pool: UpstreamPool, url: str) -> None:
        parts = urlsplit(url)
        self.pool = pool
        self.url = url
        self.secure = parts.scheme == "https"
        self.host = parts.hostname or ""
        self.port = parts.port or (443 if self.secure else 80)
        self.authority = parts.netloc.encode("idna" if not parts.netloc.isascii() else "ascii")
        self.idle: list[UpstreamConnection] = []
        self.open = 0
        self.failures = 0
        self.ejections = 0
        self.ejected_until = 0
        self.turn = 0
        self.resolved_at = 0
        self.addresses: Sequence[str] = (self.host,) if _is_address(self.host) else ()

    def __repr__(self) -> str:
        return f"<Target {self.url} open={self.open} idle={len(self.idle)} failures={self.failures}>"

    def succeeded(self) -> None:
        """An exchange with it came to its end."""
        self.failures = 0
        self.ejections = 0

    def failed(self) -> None:
        """It could not be reached, did not answer in time, or answered garbage."""
        self.failures += 1
        if self.failures >= self.pool.ejection_failures:
            self.failures = 0
            length = min(self.pool.ejection_ns << min(self.ejections, 16), MAX_EJECTION_NS)
            self.ejections += 1
            self.ejected_until = self.pool.deadlines.now() + length


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class UpstreamPool:
    """All connections of one worker to one upstream. Times in nanoseconds."""

    def __init__(
        self,
        name: str,
        config: UpstreamConfig,
        deadlines: Deadlines,
        outbox: Outbox,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.name = name
        self.deadlines = deadlines
        self.outbox = outbox
        self.tls = tls
        timeouts = config.timeouts
        self.connect_seconds = timeouts.connect
        self.wait_ns = int(timeouts.connect * len(config.targets) * 1e9) + 10**9
        self.first_byte_ns = int(min(timeouts.first_byte, timeouts.whole) * 1e9)
        self.idle_ns = int(timeouts.idle * 1e9)
        self.whole_ns = int(timeouts.whole * 1e9)
        self.keep_ns = int(timeouts.keep * 1e9)
        self.resolve_ns = int(config.resolve_every * 1e9)
        self.ejection_failures = config.ejection.failures
        self.ejection_ns = int(config.ejection.duration * 1e9)
        self.max_connections = config.max_connections
        self.max_header_bytes = config.max_header_bytes
        self.preserve_host = config.host == "preserve"
        self.targets = tuple(Target(self, url) for url in config.targets)
        self._only = self.targets[0] if len(self.targets) == 1 else None
        self._turn = 0
        self.deadline = 0
        self._line: deque[tuple[int, Waiter]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        deadlines.add(self)

    def acquire(self, waiter: Waiter) -> UpstreamConnection | None:
        """A connection for ``waiter``, or ``None``: then it stands in line and is told later."""
        target = self._only or self._choose()
        idle = target.idle
        while idle:
            connection = idle.pop()
            if not connection.transport.is_closing():
                return connection
        if len(self._line) >= self.max_connections:
            waiter.upstream_unavailable(NO_UPSTREAM, "too many requests wait for this service")
            return None
        self._line.append((self.deadlines.now() + self.wait_ns, waiter))
        self.deadline = self._line[0][0]
        if target.open < self.max_connections:
            self._start_connecting(target)
        return None

    def forget(self, waiter: object) -> None:
        """``waiter`` does not want a connection any more."""
        self._line = deque(entry for entry in self._line if entry[1] is not waiter)

    def expire(self) -> None:
        """Those who stand in line for too long are told so."""
        now = self.deadlines.now()
        while self._line and self._line[0][0] <= now:
            self._next_in_line().upstream_unavailable(NO_UPSTREAM, "no connection became free in time")
        self.deadline = self._line[0][0] if self._line else 0

    def _next_in_line(self) -> Waiter:
        return self._line.popleft()[1]

    def give_back(self, connection: UpstreamConnection) -> None:
        """Take back a connection whose exchange ended cleanly."""
        if connection.transport.is_closing():
            return
        if self._line:
            connection.deadline = 0
            self._next_in_line().upstream_ready(connection)
        else:
            connection.deadline = self.deadlines.now() + self.keep_ns
            connection.target.idle.append(connection)

    def lost(self, connection: UpstreamConnection) -> None:
        """A connection has ended, for whatever reason."""
        target = connection.target
        target.open -= 1
        if connection in target.idle:
            target.idle.remove(connection)
        if self._line and target.open < self.max_connections:
            self._start_connecting(target)

    def close(self) -> None:
        """Close what is idle; what is busy ends with its exchange."""
        for target in self.targets:
            for connection in list(target.idle):
                connection.transport.close()

    def _choose(self) -> Target:
        targets = self.targets
        now = self.deadlines.now()
        for _ in targets:
            self._turn = (self._turn + 1) % len(targets)
            target = targets[self._turn]
            if target.ejected_until <= now:
                return target
        return min(targets, key=lambda target: target.ejected_until)

    def _start_connecting(self, target: Target) -> None:
        target.open += 1  # counted before it exists, so that a burst does not open more than allowed
        task = asyncio.get_running_loop().create_task(self._connect(target))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, target: Target) -> None:
        tried = {target}
        while True:
            try:
                async with asyncio.timeout(self.connect_seconds):
                    connection = await self._open(target)
            except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must be told
                target.open -= 1
                target.failed()
                detail = _describe(error)
            else:
                self.give_back(connection)
                return
            others = [other for other in self.targets if other not in tried]
            if not others or not self._line:
                break
            target = min(others, key=lambda other: other.ejected_until)
            tried.add(target)
            target.open += 1
        if self._line:
            self._next_in_line().upstream_unavailable(UPSTREAM_UNREACHABLE, detail)

    async def _open(self, target: Target) -> UpstreamConnection:
        loop = asyncio.get_running_loop()
        address = await self._address(target)
        made: asyncio.Future[None] = loop.create_future()
        connection = UpstreamConnection(self, target, made)

        def protocol() -> asyncio.Protocol:
            if not target.secure:
                return connection
            return TlsLayer(
                self.tls or client_context(None),
                connection,
                self.deadlines,
                int(self.connect_seconds * 1e9),
                server_side=False,
                server_hostname=target.host,
                failed=connection.handshake_failed,
            )

        transport = None
        try:
            transport, _ = await loop.create_connection(protocol, address, target.port)
            await made
        except BaseException:
            connection.counted = False
            if transport is not None:
                transport.abort()
            raise
        return connection

    async def _address(self, target: Target) -> str:
        """The next address of ``target``, resolved again when what is known has become old."""
        now = self.deadlines.now()
        known = target.addresses
        if not _is_address(target.host) and (not known or now - target.resolved_at > self.resolve_ns):
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


def _describe(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no connection within the time allowed"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message}"
    return f"no connection: {error.strerror or type(error).__name__}" if isinstance(error, OSError) else str(error)
