"""The pool of connections to one upstream: which target, which connection, and what to do when there is none.

:meth:`UpstreamPool.acquire` decides at once: a kept connection, or a place in the line and perhaps a new
connection under way. Targets take turns; one that fails repeatedly is left out for a while (passive health), unless
all are: then the one whose time is up first is tried, since refusing everybody helps nobody.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from portcullis.engine.codes import NO_UPSTREAM, UPSTREAM_UNREACHABLE
from portcullis.engine.config.upstreams import UpstreamConfig
from portcullis.mounts.deadlines import Deadlines
from portcullis.mounts.judging_context import RefusedCertificateError
from portcullis.mounts.outbox import Outbox
from portcullis.mounts.reverse_proxy.http2_upstream import Http2UpstreamConnection
from portcullis.mounts.reverse_proxy.roles import Waiter
from portcullis.mounts.reverse_proxy.service_connections import open_connection
from portcullis.mounts.reverse_proxy.target import Target

if TYPE_CHECKING:
    from portcullis.mounts.reverse_proxy.roles import ServiceConnection
    from portcullis.mounts.reverse_proxy.upstream import UpstreamConnection


class _Place(NamedTuple):
    """A place in the line: until when, whose, and whether only a new connection will do."""

    until: int
    waiter: Waiter
    new: bool


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
        self.protocols = tuple(config.protocols)
        self.tls = tls
        self.server_name = config.tls.server_name
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
        self._line: deque[_Place] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        deadlines.add(self)

    def acquire(self, waiter: Waiter, *, new: bool = False) -> ServiceConnection | None:
        """A connection for ``waiter``, or ``None``: then it stands in line and is told later.

        ``new``: a kept connection was closed under it once, and others may be about to be: only a new one will do.
        """
        target = self._only or self._choose()
        idle = target.idle
        while idle and not new:
            connection = idle.pop()
            if not connection.transport.is_closing():
                return connection
        if target.shared and (shared := target.free()) is not None:
            if shared.is_stalled:
                self._connect_if_useful(target)  # for those who come next
            return shared.open()
        if len(self._line) >= self.max_connections:
            waiter.upstream_unavailable(NO_UPSTREAM, "too many requests wait for this service")
            return None
        if new and target.open >= self.max_connections:
            in_the_way = next((each for each in idle if not each.transport.is_closing()), None)
            if in_the_way is not None:
                in_the_way.transport.close()
        self._line.append(_Place(self.deadlines.now() + self.wait_ns, waiter, new))
        self.deadline = self._line[0].until
        self._connect_if_useful(target)
        return None

    def forget(self, waiter: object) -> None:
        """``waiter`` does not want a connection any more."""
        self._line = deque(place for place in self._line if place.waiter is not waiter)

    def expire(self) -> None:
        """Those who stand in line for too long are told so."""
        now = self.deadlines.now()
        while self._line and self._line[0].until <= now:
            self._next_in_line().upstream_unavailable(NO_UPSTREAM, "no connection became free in time")
        self.deadline = self._line[0].until if self._line else 0

    def _next_in_line(self) -> Waiter:
        return self._line.popleft().waiter

    def give_back(self, connection: UpstreamConnection) -> None:
        """Take back a connection whose exchange ended cleanly."""
        if connection.transport.is_closing():
            return
        if not self._line or not self._hand_on(connection):
            connection.reused = True  # also where nobody has used it yet: the service may be about to close it
            connection.deadline = self.deadlines.now() + self.keep_ns
            connection.target.idle.append(connection)

    def _hand_on(self, connection: UpstreamConnection) -> bool:
        """Give ``connection`` to the next in line, or make place for who waits for a new one; whether it is gone."""
        first = self._line[0]
        if first.new and connection.target.open >= self.max_connections:
            connection.transport.close()
            return True
        place = next((place for place in self._line if not place.new), None)
        if place is None:
            return False
        connection.deadline = 0
        self._line.remove(place)
        place.waiter.upstream_ready(connection)
        return True

    def share(self, connection: Http2UpstreamConnection) -> None:
        """A connection takes (again) more requests: those who stand in line get their places on it."""
        while self._line and connection.has_room:
            self._next_in_line().upstream_ready(connection.open())

    def lost(self, connection: UpstreamConnection | Http2UpstreamConnection) -> None:
        """A connection has ended, for whatever reason."""
        target = connection.target
        target.open -= 1
        if connection in target.idle:
            target.idle.remove(connection)
        if connection in target.shared:
            target.shared.remove(connection)
        if self._line:
            self._connect_if_useful(target)

    def close(self) -> None:
        """Close what is idle; what is busy ends with its exchange."""
        for target in self.targets:
            for connection in list(target.idle):
                connection.transport.close()
            for shared in list(target.shared):
                shared.retire()

    def _choose(self) -> Target:
        targets = self.targets
        now = self.deadlines.now()
        for _ in targets:
            self._turn = (self._turn + 1) % len(targets)
            target = targets[self._turn]
            if target.ejected_until <= now:
                return target
        return min(targets, key=lambda target: target.ejected_until)

    def _connect_if_useful(self, target: Target) -> None:
        """Begin a connection, unless there are too many, or the one under way will do for all who wait."""
        if target.open >= self.max_connections or (target.connecting and target.shares is not False):
            return
        target.open += 1  # counted before it exists, so that a burst does not open more than allowed
        target.connecting += 1
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
                target.connecting -= 1
                target.failed()
                detail = _describe(error)
            else:
                target.connecting -= 1
                self._connected(target, connection)
                return
            others = [other for other in self.targets if other not in tried]
            if not others or not self._line:
                break
            target = min(others, key=lambda other: other.ejected_until)
            tried.add(target)
            target.open += 1
            target.connecting += 1
        if self._line:
            self._next_in_line().upstream_unavailable(UPSTREAM_UNREACHABLE, detail)
        if target.shares is not False and not target.shared:
            while self._line:  # it would have been the connection of all of them
                self._next_in_line().upstream_unavailable(UPSTREAM_UNREACHABLE, detail)

    def _connected(self, target: Target, connection: UpstreamConnection | Http2UpstreamConnection) -> None:
        known, target.shares = target.shares, isinstance(connection, Http2UpstreamConnection)
        if isinstance(connection, Http2UpstreamConnection):
            target.shared.append(connection)
            self.share(connection)
            if self._line:
                self._connect_if_useful(target)
            return
        if self._line:
            self._next_in_line().upstream_ready(connection)
        else:
            self.give_back(connection)
        if known is None:  # the others wait for one that all would have shared
            for _ in range(len(self._line)):
                self._connect_if_useful(target)

    async def _open(self, target: Target) -> UpstreamConnection | Http2UpstreamConnection:
        return await open_connection(self, target)


def _describe(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no connection within the time allowed"
    if isinstance(error, ssl.SSLCertVerificationError | RefusedCertificateError):
        return f"its certificate is not accepted: {getattr(error, 'verify_message', None) or error}"
    return f"no connection: {error.strerror or type(error).__name__}" if isinstance(error, OSError) else str(error)
