"""One WebSocket between a client and a service, from the answer to its handshake to the end of both connections.

Frames are read in both directions and passed on as they came. The session ends in one of three ways: both sides
have sent a close frame; one of them is gone; or the gateway ends it. Then it sends a close frame of its own to whoever
can still take one (where it has not begun another frame), and gives the client a moment to answer, since closing at
once would make TCP discard what the client was told.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final, Protocol

from portcullis.engine.codes import (
    FRAME_MALFORMED,
    MESSAGE_RATE,
    MESSAGE_TOO_LARGE,
    STREAM_IDLE,
    STREAM_LIFETIME,
    UPSTREAM_BAD_RESPONSE,
    UPSTREAM_CLOSED,
    UPSTREAM_TOO_LARGE,
)
from portcullis.engine.config.values import format_duration
from portcullis.engine.decision import Finding, Refuse
from portcullis.engine.exchange import Exchange
from portcullis.engine.websocket.rules import WebSocketRules
from portcullis.mounts.standing import LOOK_NS, CallerWatch
from portcullis.mounts.websocket.ends import ClientEnd, ServiceEnd
from portcullis.mounts.websocket.frames import (
    POLICY_VIOLATION,
    TOO_BIG,
    FrameError,
    FrameReader,
    MessageRefusedError,
    close_frame,
)
from portcullis.mounts.websocket.rates import MessageRates

if TYPE_CHECKING:
    from portcullis.mounts.buffers import Buffers
    from portcullis.mounts.reverse_proxy.gateway import Gateway
    from portcullis.mounts.reverse_proxy.roles import Switchable
    from portcullis.mounts.reverse_proxy.upstream import UpstreamConnection

GOING_AWAY: Final = 1001
ABNORMAL: Final = 1006
INTERNAL_ERROR: Final = 1011
TRY_AGAIN: Final = 1013
LINGER_NS: Final = 10**9
CLOSING_NS: Final = 5 * 10**9


class Ended(Protocol):
    """Who is told of the end: ``refusal``, if the gateway ended it; ``aborted``: the client was gone without a word."""

    def __call__(self, refusal: Refuse | None, *, aborted: bool) -> None: ...


class Session:
    """One session. ``client`` and ``service`` read what comes from them."""

    __slots__ = (
        "_aborted",
        "_budget",
        "_buffers",
        "_caller",
        "_client_end",
        "_closing",
        "_ended",
        "_exchange",
        "_gateway",
        "_last_ns",
        "_over",
        "_rates",
        "_refusal",
        "_rules",
        "_service_end",
        "_service_gone",
        "_until",
        "client",
        "close_code",
        "deadline",
        "service",
    )

    def __init__(
        self, gateway: Gateway, exchange: Exchange, rules: WebSocketRules, ended: Ended, *, compressed: bool
    ) -> None:
        now = gateway.now()
        most = rules.max_message
        self._gateway = gateway
        self._exchange = exchange
        self._rules = rules
        self._ended = ended
        self.client = FrameReader(masked=True, max_size=most, compressed=compressed, judge=rules.from_client)
        self.service = FrameReader(masked=False, max_size=most, compressed=compressed, judge=rules.from_service)
        self._caller = CallerWatch(gateway, exchange, rules.standing, self.refuse)
        self._client_end: ClientEnd
        self._service_end: ServiceEnd
        self._budget = 0
        self._buffers: Buffers = gateway.buffers
        self._last_ns = now
        self._until = now + rules.lifetime_ns
        self._rates = MessageRates(rules.frame_ns, rules.byte_ns)
        self._refusal: Refuse | None = None
        self._aborted = False
        self._closing = False
        self._over = False
        self._service_gone = False
        self.close_code = 0
        self.deadline = 0

    def __repr__(self) -> str:
        return f"<Session {self._exchange.request_id} {'closing' if self._closing else 'open'}>"

    def begin(self, downstream: Switchable, connection: UpstreamConnection, rest: bytes) -> None:
        """Take both connections over; ``rest``: what the service sent after its answer."""
        self._buffers = downstream.buffers
        self._client_end = ClientEnd(self, downstream)
        self._service_end = ServiceEnd(self, connection)
        connection.switch(self._service_end)
        early = downstream.switch(self._client_end)
        self._look_later()
        self._gateway.deadlines.add(self)
        if rest:
            self.from_service(rest)
        if early:
            self.from_client(early)

    # What comes.

    def from_client(self, data: bytes) -> None:
        """Bytes of the client."""
        reader = self.client
        if self._closing:
            self._last_words(data)
            return
        exchange = self._exchange
        exchange.bytes_in += len(data)
        frames = reader.frames
        try:
            passed = reader.feed(data)
        except FrameError as error:
            self._against_rules(error, to_client=error.code)
            return
        except MessageRefusedError as error:
            self.refuse(error.refusal)
            return
        except Exception as error:  # noqa: BLE001 - a message that could not be judged must not pass
            self.end(self._exchange.internal_error(error), INTERNAL_ERROR)
            return
        self._last_ns = now = self._gateway.now()
        if self._rates.limits and not self._within_rate(now, reader.frames - frames, len(data)):
            return
        if passed:
            self._gateway.outbox.write(self._service_end.transport, passed)
        if self._rules.from_client is not None and not self._afford():
            return
        if reader.close_code:
            self._closed_by(self.service)

    def from_service(self, data: bytes) -> None:
        """Bytes of the service."""
        if self._closing:
            return
        reader = self.service
        self._exchange.bytes_out += len(data)
        try:
            passed = reader.feed(data)
        except FrameError as error:
            code = UPSTREAM_TOO_LARGE if error.code == TOO_BIG else UPSTREAM_BAD_RESPONSE
            finding = Finding("/upstream", error.detail, source=self._exchange.upstream)
            self.end(Refuse(code, finding=finding), INTERNAL_ERROR, to_service=error.code)
            return
        except MessageRefusedError as error:
            self.end(error.refusal, INTERNAL_ERROR, to_service=POLICY_VIOLATION)
            return
        except Exception as error:  # noqa: BLE001 - as in from_client
            self.end(self._exchange.internal_error(error), INTERNAL_ERROR)
            return
        self._last_ns = self._gateway.now()
        if passed:
            self._gateway.outbox.write(self._client_end.transport, passed)
        if self._rules.from_service is not None and not self._afford():
            return
        if reader.close_code:
            self._closed_by(self.client)

    def _within_rate(self, now: int, frames: int, size: int) -> bool:
        excess = self._rates.excess(now, frames, size)
        if excess:
            key = "per_second" if excess == "frames" else "bytes_per_second"
            finding = Finding("/message", f"too many {excess}", "the rate", f"{self._rules.source}/messages/{key}")
            self.refuse(Refuse(MESSAGE_RATE, finding=finding))
        return not excess

    def _afford(self) -> bool:
        """Count what is held of messages that are not whole; whether there is memory for it."""
        held = self.client.held + self.service.held
        buffers = self._buffers
        if held <= self._budget:
            buffers.give(self._budget - held)
        elif not buffers.take(held - self._budget):
            self.end(buffers.full(), TRY_AGAIN)
            return False
        self._budget = held
        return True

    # How it ends.

    def _closed_by(self, other: FrameReader) -> None:
        """One side has sent a close frame, which was passed on."""
        self.close_code = self.close_code or self.client.close_code or self.service.close_code
        if other.close_code:
            self._closing = True
            self._gateway.outbox.close(self._client_end.transport)
        self.deadline = self._gateway.now() + CLOSING_NS

    def _against_rules(self, error: FrameError, *, to_client: int) -> None:
        if error.code == TOO_BIG:
            source = f"{self._rules.source}/messages/max_size"
            refusal = Refuse(MESSAGE_TOO_LARGE, finding=Finding("/message", "a larger one", error.detail, source))
        else:
            refusal = Refuse(FRAME_MALFORMED, finding=Finding("/message", error.detail, "frames as in RFC 6455"))
        self.end(refusal, to_client)

    def refuse(self, refusal: Refuse) -> None:
        """End it because of ``refusal``: close code 1008."""
        self.end(refusal, POLICY_VIOLATION)

    def go_away(self) -> None:
        """The worker is about to stop."""
        self.end(None, GOING_AWAY)

    def end(self, refusal: Refuse | None, code: int, to_service: int = GOING_AWAY) -> None:
        """End it: ``code`` is what the client is told, if it can be told."""
        if self._closing:
            return
        self._closing = True
        self._refusal = refusal
        self.close_code = code
        outbox = self._gateway.outbox
        if not self.client.close_code and self.client.at_boundary:
            outbox.write(self._service_end.transport, close_frame(to_service, secrets.token_bytes(4)))
        outbox.close(self._service_end.transport)
        if not self.service.close_code and self.service.at_boundary:
            outbox.write(self._client_end.transport, close_frame(code))
            self._client_end.resume()
        else:
            outbox.close(self._client_end.transport)
        self.deadline = self._gateway.now() + LINGER_NS

    def _last_words(self, data: bytes) -> None:
        """What a client sends that was told the end: nothing of it counts but its own close frame."""
        try:
            self.client.feed(data)
        except (FrameError, MessageRefusedError):
            return
        if self.client.close_code:
            self._gateway.outbox.close(self._client_end.transport)

    def expire(self) -> None:
        """It is time to look."""
        if self._closing or self.close_code:
            self._abort()
            if self._over:
                self._gateway.deadlines.discard(self)
            return
        now = self._gateway.now()
        rules = self._rules
        if now >= self._until:
            most = format_duration(rules.lifetime_ns / 1e9)
            self.end(
                Refuse(STREAM_LIFETIME, finding=Finding(allowed=most, source=f"{rules.source}/lifetime")), GOING_AWAY
            )
        elif now >= self._last_ns + rules.idle_ns:
            most = format_duration(rules.idle_ns / 1e9)
            self.end(Refuse(STREAM_IDLE, finding=Finding(allowed=most, source=f"{rules.source}/idle")), GOING_AWAY)
        elif self._caller.look():
            self._look_later()

    def _look_later(self) -> None:
        soon = self._gateway.now() + LOOK_NS
        self.deadline = min(soon, self._until, self._last_ns + self._rules.idle_ns)

    def client_lost(self) -> None:
        """The client's connection is gone."""
        if not self._closing and not self.client.close_code:
            self._aborted = True
        self._finish()
        if not self._service_gone:
            # A service that takes nothing would keep it for as long as it likes, counted among its connections.
            self.deadline = self._gateway.now() + CLOSING_NS
            self._gateway.deadlines.add(self)
        self._gateway.outbox.close(self._service_end.transport)

    def service_lost(self) -> None:
        """The service's connection is gone."""
        self._service_gone = True
        if self._over:
            self._gateway.deadlines.discard(self)
            return
        if not self._closing and not self.service.close_code:
            self._refusal = Refuse(UPSTREAM_CLOSED, finding=Finding("/upstream", source=self._exchange.upstream))
            self.close_code = ABNORMAL
            self._gateway.outbox.close(self._client_end.transport)
        else:  # the client was told of the end: it has still to take that, and may be sending
            self._gateway.outbox.flush()
            self._client_end.write_no_more()
        self._closing = True
        self.deadline = self.deadline or self._gateway.now() + LINGER_NS

    def _abort(self) -> None:
        self._client_end.transport.abort()
        self._service_end.transport.abort()

    def _finish(self) -> None:
        if self._over:
            return
        self._over = self._closing = True
        self._gateway.deadlines.discard(self)
        self._buffers.give(self._budget)
        self._budget = 0
        self.close_code = self.close_code or ABNORMAL
        self._ended(self._refusal, aborted=self._aborted)

    # Backpressure.

    def client_blocked(self, blocked: bool) -> None:
        """The client takes no more, or takes it again: so does the service."""
        self._service_end.hold(blocked)

    def service_blocked(self, blocked: bool) -> None:
        """The service takes no more, or takes it again."""
        if not self._closing:
            self._client_end.hold(blocked)
