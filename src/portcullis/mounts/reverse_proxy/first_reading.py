"""One object read from the service before a request is sent to it: a small exchange of its own, seen by no client.

It is a user of the same pool as the stream for which it reads. Its answer is held whole, within the same bounds as any
other that is checked, and handed to the stream; the stream knows what it decides.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Protocol

import msgspec

from portcullis.engine.codes import BUFFERS_FULL, UPSTREAM_TOO_LARGE, Code
from portcullis.engine.decision import Finding, Refuse
from portcullis.engine.exchange import Exchange
from portcullis.engine.policy import FirstRead
from portcullis.engine.response import ResponseView
from portcullis.mounts.forwarding import FieldRenderer
from portcullis.mounts.http1.response_head import ResponseHead
from portcullis.mounts.reverse_proxy.held_body import HeldBody
from portcullis.mounts.reverse_proxy.roles import Retriable
from portcullis.mounts.reverse_proxy.upstream_request import first_read_request

if TYPE_CHECKING:
    from portcullis.mounts.buffers import Buffers
    from portcullis.mounts.http1.fields import Fields
    from portcullis.mounts.reverse_proxy.gateway import Gateway
    from portcullis.mounts.reverse_proxy.roles import ServiceConnection


class Reader(Protocol):
    """What the reading needs of the stream for which it is done."""

    exchange: Exchange

    @property
    def buffers(self) -> Buffers:
        """Where it is counted what is held for the client."""

    def read_first(self, decision: Refuse | Awaitable[Refuse | None] | None) -> None:
        """What was read has been decided about, or is being decided about."""

    def crashed(self, error: Exception) -> None:
        """Something of ours failed."""


class FirstReading(msgspec.Struct, eq=False):
    """Reads what ``read`` says for ``reader``. ``forwarding``, ``trace``: what tells who asks, on the wire."""

    gateway: Gateway
    reader: Reader
    read: FirstRead
    forwarding: bytes
    trace: bytes
    _held: HeldBody | None = None
    _view: ResponseView | None = None
    _connection: ServiceConnection | None = None
    _waiting: bool = False
    _retried: bool = False
    _sent_ns: int = 0

    @property
    def buffers(self) -> Buffers:
        """Where it is counted what is held for the client."""
        return self.reader.buffers

    def start(self) -> None:
        """Ask the service."""
        self._waiting = True
        pool = self.gateway.pools[self.reader.exchange.request.operation.upstream]
        connection = pool.acquire(self, new=self._retried)
        if connection is not None:
            self.upstream_ready(connection)

    def abandon(self) -> None:
        """Nobody wants to know any more."""
        if self._waiting:
            self._waiting = False
            self.gateway.pools[self.reader.exchange.request.operation.upstream].forget(self)
        connection, self._connection = self._connection, None
        user: object = None if connection is None else connection.user
        if connection is not None and user is self:
            connection.abandon()
        self._release()

    # As one who waits for a connection, and uses it.

    def upstream_ready(self, connection: ServiceConnection) -> None:
        self._waiting = False
        self._connection = connection
        exchange = self.reader.exchange
        exchange.upstream = connection.target.url
        self._sent_ns = now = self.gateway.now()
        request = first_read_request(exchange, self.read, connection.target, self.forwarding, self.trace)
        connection.begin(self, request, b"", True, now)

    def upstream_unavailable(self, code: Code, detail: str) -> None:
        self._waiting = False
        self._fail(Finding("/before", f"{code.name}: {detail}"))

    def response(self, head: ResponseHead, renderer: FieldRenderer, pieces: list[bytes], ended: bool) -> None:  # noqa: ARG002
        request = self.reader.exchange.request
        self._view = ResponseView(request, head.status, head.fields, head.headers, not head.bodyless)
        self._held = HeldBody(self.buffers)
        self.response_body(pieces, ended)

    def response_body(self, pieces: list[bytes], ended: bool, trailers: Fields | None = None) -> None:  # noqa: ARG002
        held, view = self._held, self._view
        if held is None or view is None:
            raise RuntimeError("more of an answer that has no head")
        maximum = self.reader.exchange.request.operation.max_response
        if not all(map(held.add, pieces)):
            self._fail(Finding("/before", BUFFERS_FULL.name))
        elif held.size > maximum:
            self._fail(Finding("/before", UPSTREAM_TOO_LARGE.name, f"at most {maximum} bytes"))
        elif ended:
            self._done()
            body = held.whole()
            self._release()
            self.reader.read_first(self.reader.exchange.decide_first_read(view, body))

    def upstream_failed(self, code: Code, detail: str, *, retriable: Retriable) -> None:
        self._connection = None
        if retriable != "no" and not self._retried:  # reading twice changes nothing (RFC 9110 9.2.2)
            self._retried = True
            self.start()
            return
        self._fail(Finding("/before", f"{code.name}: {detail}"))

    def upstream_blocked(self, blocked: bool) -> None:
        """There is no more to send than the head."""

    def crashed(self, error: Exception) -> None:
        self._connection = None
        self._release()
        self.reader.crashed(error)

    # Ending.

    def _fail(self, finding: Finding) -> None:
        self._done()
        self.abandon()
        self.reader.read_first(self.reader.exchange.first_read_failed(finding))

    def _done(self) -> None:
        """The service's part is over."""
        if self._sent_ns:
            self.reader.exchange.upstream_ns += self.gateway.now() - self._sent_ns
            self._sent_ns = 0

    def _release(self) -> None:
        if self._held is not None:
            self._held.release()
            self._held = None
