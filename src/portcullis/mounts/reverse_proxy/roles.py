"""The roles that connections, pool and stream play for each other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Literal, Protocol

from portcullis.engine.codes import Code
from portcullis.mounts.forwarding import FieldRenderer
from portcullis.mounts.http1.response_head import ResponseHead
from portcullis.mounts.request_fields import RequestFieldRenderer

if TYPE_CHECKING:
    from portcullis.mounts.buffers import Buffers
    from portcullis.mounts.http1.fields import Fields
    from portcullis.mounts.reverse_proxy.peer import Peer
    from portcullis.mounts.reverse_proxy.target import Target
    from portcullis.mounts.reverse_proxy.upstream_request import UpstreamRequest

NO_BODY: Final = -1
"""Length of an answer that can't have a body."""

Retriable = Literal["no", "unanswered", "unsent"]
"""Whether a broken exchange may be tried again.

``unanswered``: a kept connection closed before any byte of an answer, so an idempotent request may be sent again
(RFC 9110 9.2.2); ``unsent``: before a byte of the request was written, so any may.
"""


class ClientConnection(Protocol):
    """What the gateway asks of a client's connection, whatever its protocol."""

    transport: asyncio.Transport

    def retire(self) -> None:
        """The next generation serves: no more requests are wanted, but those that come are served."""

    def drain(self) -> None:
        """Close if idle, otherwise after the answers that are under way."""


class Downstream(Protocol):
    """What a stream needs of the connection its client is on.

    ``peer``: who is at its other end; ``renderer``: of the request fields that cross; ``buffers``: what is held for the
    client is counted there.
    """

    buffers: Buffers
    peer: Peer
    renderer: RequestFieldRenderer

    def answer(self, status: int, reason: bytes, fields: bytes, length: int | None, body: bytes, ended: bool) -> None:
        """Send an answer's head and the beginning of its body.

        ``fields``: rendered; ``length``: bytes of the whole body, ``None`` if unknown, ``NO_BODY`` if it can have none.
        """

    def answer_body(self, pieces: list[bytes], ended: bool, trailers: bytes = b"") -> None:
        """Send more of the body; ``trailers``: rendered fields that follow its end, where the protocol has them."""

    def break_off(self) -> None:
        """The answer can't be finished: end the connection so that the client notices."""

    def expect_body(self) -> None:
        """The request body is wanted: tell a client that waits for ``100 Continue``."""

    def hold_body(self, held: bool) -> None:
        """Stop (or go on) reading the request body."""

    def prolong(self, idle_ns: int) -> None:
        """The request body may take as long as it likes, with ``idle_ns`` between two pieces, if the protocol can."""


class Switchable(Protocol):
    """A client's connection that can go on with another protocol: one of HTTP/1.1. ``buffers``: see ``Downstream``."""

    buffers: Buffers
    transport: asyncio.Transport

    def switch(self, protocol: asyncio.Protocol) -> bytes:
        """What comes from now on is for ``protocol``; gives what has come of it already."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, whoever it was switched to."""


class ServiceConnection(Protocol):
    """What a stream needs of the connection to a service that it uses, whatever its protocol.

    ``blocked``: the service takes no more of the request for now.
    """

    target: Target
    user: UpstreamUser | None
    blocked: bool

    def begin(self, user: UpstreamUser, request: UpstreamRequest, body: bytes, ended: bool, now: int) -> None:
        """Send a request: its head, and what there is of its body. ``now``: in nanoseconds."""

    def send(self, data: bytes, ended: bool) -> None:
        """Send more of the request body."""

    def prolong(self, idle_ns: int) -> None:
        """The exchange may take as long as who asked for it lets it, with ``idle_ns`` between two pieces."""

    def pause_reading(self) -> None:
        """Take no more of the answer: the client is slower."""

    def resume_reading(self) -> None:
        """Go on taking the answer."""

    def abandon(self) -> None:
        """The stream has no use for it any more; the exchange is unfinished."""


class UpstreamUser(Protocol):
    """What a connection tells the stream that uses it."""

    @property
    def buffers(self) -> Buffers:
        """Where it is counted what is held for the client."""

    def response(self, head: ResponseHead, renderer: FieldRenderer, pieces: list[bytes], ended: bool) -> None:
        """The head of the answer, what renders its fields that cross, and what of its body came along."""

    def response_body(self, pieces: list[bytes], ended: bool, trailers: Fields | None = None) -> None:
        """More of the body; ``trailers``: what followed its end."""

    def upstream_failed(self, code: Code, detail: str, *, retriable: Retriable) -> None:
        """The connection is gone."""

    def crashed(self, error: Exception) -> None:
        """Handing the answer on failed, by a fault of ours."""

    def upstream_blocked(self, blocked: bool) -> None:
        """The service takes (or again takes) no more request bytes for now."""


class Waiter(Protocol):
    """Who waits for a connection: a stream."""

    def upstream_ready(self, connection: ServiceConnection) -> None:
        """Here it is."""

    def upstream_unavailable(self, code: Code, detail: str) -> None:
        """There will be none."""
