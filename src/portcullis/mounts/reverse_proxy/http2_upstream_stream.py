"""One exchange on a service's HTTP/2 connection: what a stream of the gateway uses in place of a connection of its own.

Its deadlines are those of a connection of HTTP/1.1: the first byte of an answer, two pieces of it, the whole exchange.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from portcullis.engine.codes import BUFFERS_FULL, UPSTREAM_TIMEOUT, Code
from portcullis.mounts.forwarding import DROPPED_FROM_RESPONSES, FieldRenderer
from portcullis.mounts.http2.errors import ErrorCode
from portcullis.mounts.reverse_proxy.http2_sender import Http2Sender

if TYPE_CHECKING:
    from portcullis.mounts.http1.fields import Fields
    from portcullis.mounts.http1.response_head import ResponseHead
    from portcullis.mounts.reverse_proxy.http2_upstream import Http2UpstreamConnection
    from portcullis.mounts.reverse_proxy.roles import Retriable, UpstreamUser
    from portcullis.mounts.reverse_proxy.upstream_request import UpstreamRequest

_FOREVER_NS: Final = 2**62


class Http2UpstreamStream(Http2Sender):
    """An exchange on a connection that others share. ``answered``: the head of the answer has come."""

    __slots__ = (
        "_connection",
        "_idle_ns",
        "_paused",
        "_request_ended",
        "_started_ns",
        "_turn",
        "_unused",
        "_whole_ns",
        "answered",
        "blocked",
        "deadline",
        "target",
        "user",
    )

    def __init__(self, connection: Http2UpstreamConnection) -> None:
        super().__init__(connection, 0)
        self._connection = connection
        self.target = connection.target
        self.user: UpstreamUser | None = None
        self.answered = False
        self.blocked = False
        self.deadline = 0
        self._request_ended = False
        self._started_ns = 0
        self._turn = -1
        self._paused = False
        self._unused = 0  # bytes of the answer that the service was not credited
        self._idle_ns = connection.pool.idle_ns
        self._whole_ns = connection.pool.whole_ns

    def __repr__(self) -> str:
        return f"<Http2UpstreamStream {self.number} of {self.target.url}>"

    # Used by the stream of the gateway.

    def begin(self, user: UpstreamUser, request: UpstreamRequest, body: bytes, ended: bool, now: int) -> None:
        """Send a request: its head, and what there is of its body. ``now``: in nanoseconds."""
        connection = self._connection
        pool = connection.pool
        self.user = user
        self.buffers = user.buffers
        self._request_ended = ended
        self._started_ns = now
        self.deadline = now + (pool.first_byte_ns if ended else self._whole_ns)
        self._turn = connection.turn
        pool.deadlines.add(self)
        only_head = ended and not body
        self.number = connection.send_request(
            self,
            request.method,
            request.host,
            request.target.encode("latin-1"),
            request.lines,
            ended=only_head,
        )
        if body:
            self._send(body, ended=ended)

    def send(self, data: bytes, ended: bool) -> None:
        """Send more of the request body. While the client still sends, the deadline is the client's."""
        self._request_ended = ended
        if ended:
            self._extend(self._connection.pool.first_byte_ns)
        if data or ended:
            self._send(data, ended=ended)

    def prolong(self, idle_ns: int) -> None:
        """The exchange may take as long as who asked for it lets it."""
        self._idle_ns, self._whole_ns = idle_ns, _FOREVER_NS
        self._extend(idle_ns)

    def pause_reading(self) -> None:
        """Give the service no credit for more of the answer: the client is slower, and has the deadline meanwhile."""
        self._paused = True
        self.deadline = self._started_ns + self._whole_ns

    def resume_reading(self) -> None:
        """Go on giving it."""
        self._paused = False
        self._credit()
        if self.answered:
            self._extend(self._idle_ns)
        else:
            self._extend(self._connection.pool.first_byte_ns if self._request_ended else self._whole_ns)

    def abandon(self) -> None:
        """The stream has no use for it any more; the exchange is unfinished."""
        self._end(ErrorCode.CANCEL)

    # From the service.

    def receive_head(self, head: ResponseHead, body: bytes, *, ended: bool) -> None:
        """The head of the answer, and ``body`` with it."""
        user = self.user
        if user is None:
            return
        self.answered = True
        pieces = [body] if body else []
        if ended:
            self._finish()
        else:
            self._extend(self._idle_ns)
        try:
            user.response(head, FieldRenderer(DROPPED_FROM_RESPONSES), pieces, ended)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not leave the client without an answer
            self._crash(user, error)
        self._used(len(body))

    def receive(self, data: bytes, trailers: Fields | None, *, ended: bool) -> None:
        """More of the answer's body, or its end."""
        user = self.user
        if user is None:
            return
        if ended:
            self._finish()
        else:
            self._extend(self._idle_ns)
        try:
            user.response_body([data] if data else [], ended, trailers)
        except Exception as error:  # noqa: BLE001 - as in receive_head
            self._crash(user, error)
        self._used(len(data))

    def failed(self, code: Code, detail: str, *, retriable: Retriable) -> None:
        """The exchange broke; the connection has forgotten it."""
        user, self.user = self.user, None
        self._release()
        if user is not None:
            user.upstream_failed(code, detail, retriable=retriable)

    def crashed(self, error: Exception) -> None:
        """Something of ours failed."""
        user, self.user = self.user, None
        self._release()
        if user is not None:
            user.crashed(error)

    @property
    def retriable(self) -> Retriable:
        """Whether the request may be sent again now that the connection is gone."""
        if self._connection.is_unsent(self._turn):
            return "unsent"
        return "unanswered" if self._connection.reused else "no"

    def expire(self) -> None:
        """A deadline has passed."""
        user = self.user
        self.target.failed()
        self._end(ErrorCode.CANCEL)
        self._connection.retire()  # nothing may come on it at all
        if user is not None:
            user.upstream_failed(UPSTREAM_TIMEOUT, "no answer within the time allowed", retriable="no")

    # Sending.

    def _held_back(self, *, ended: bool) -> None:
        self.blocked = True
        self._extend(self._idle_ns)
        if self.user is not None and not ended:
            self.user.upstream_blocked(True)

    def _taken_up(self) -> None:
        self.blocked = False
        self._extend(self._whole_ns)
        if self.user is not None:
            self.user.upstream_blocked(False)

    def _moved(self) -> None:
        self._extend(self._idle_ns)

    def _sent(self) -> None:
        if not self.answered:
            self._extend(self._connection.pool.first_byte_ns)

    def _overflowed(self) -> None:
        user = self.user
        self._end(ErrorCode.CANCEL)
        if user is not None:
            user.upstream_failed(BUFFERS_FULL, "the service does not take the request", retriable="no")

    # Ending.

    def _finish(self) -> None:
        """The answer is whole; what the service has not taken of the request it does not want."""
        self.target.succeeded()
        self._end(ErrorCode.NO_ERROR)

    def _end(self, code: ErrorCode) -> None:
        self.user = None
        self._release()
        if self.number:
            self._connection.drop(self.number, code)

    def _crash(self, user: UpstreamUser, error: Exception) -> None:
        self._end(ErrorCode.CANCEL)
        user.crashed(error)

    def _release(self) -> None:
        self.deadline = 0
        self._connection.pool.deadlines.discard(self)
        self._drop_held()

    def _extend(self, by_ns: int) -> None:
        self.deadline = min(self._connection.pool.deadlines.now() + by_ns, self._started_ns + self._whole_ns)

    def _used(self, count: int) -> None:
        if self.user is not None:
            self._unused += count
            if not self._paused:
                self._credit()

    def _credit(self) -> None:
        if self._unused:
            self._connection.credit(self.number, self._unused)
            self._unused = 0
