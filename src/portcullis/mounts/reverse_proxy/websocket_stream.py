"""The exchange that opens a WebSocket: a request like any other, until the service switches protocols."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from portcullis.engine.codes import CLIENT_ABORTED, UPGRADE_REFUSED, UPSTREAM_BAD_RESPONSE
from portcullis.engine.decision import Finding, Refuse
from portcullis.engine.exchange import record_of
from portcullis.engine.request import RequestView
from portcullis.engine.response import ResponseView
from portcullis.engine.websocket.handshake import AnswerError, check_answer
from portcullis.mounts.forwarding import FieldRenderer, render_fields
from portcullis.mounts.http1.response_head import ResponseHead
from portcullis.mounts.reverse_proxy.stream import Stream
from portcullis.mounts.reverse_proxy.upstream import UpstreamConnection
from portcullis.mounts.websocket.session import Session

if TYPE_CHECKING:
    from portcullis.mounts.reverse_proxy.roles import ServiceConnection, Switchable

_UPGRADE = b"connection: Upgrade\r\nupgrade: websocket\r\n"


class WebSocketStream(Stream, eq=False, kw_only=True):
    """One handshake, and the session that it opens."""

    _session: Session | None = None

    def _route(self, request: RequestView) -> Refuse | None:
        refusal = super()._route(request)
        if refusal is None and request.operation.websocket is None:
            return Refuse(UPGRADE_REFUSED)
        return refusal

    def _framing(self, body_length: int) -> tuple[int | None, bytes]:
        length, lines = super()._framing(body_length)
        return length, lines + _UPGRADE

    def _send_request(self, connection: ServiceConnection) -> None:
        if not isinstance(connection, UpstreamConnection):
            raise TypeError("a WebSocket needs a connection of HTTP/1.1 to the service")
        connection.on_switch = self._switched
        super()._send_request(connection)

    def _can_retry(self, retriable: str) -> bool:
        """A handshake is asked for once: who opens a session may have begun something."""
        return retriable == "unsent" and super()._can_retry("unsent")

    def _switched(self, head: ResponseHead, renderer: FieldRenderer, rest: bytes) -> None:
        """The service switched protocols: so does the gateway, once it is sure which."""
        exchange = self.exchange
        connection = self._connection
        rules = exchange.request.operation.websocket
        if not isinstance(connection, UpstreamConnection) or rules is None:
            raise RuntimeError("a service switched protocols in an exchange that has ended")
        exchange.upstream_status = head.status
        self._service_done()
        try:
            compressed = check_answer(
                exchange.request, exchange.set_fields or {}, exchange.removed_fields, head.headers
            )
        except AnswerError as error:
            self.refuse(
                Refuse(UPSTREAM_BAD_RESPONSE, finding=Finding("/upstream", str(error), source=exchange.upstream))
            )
            return
        view = ResponseView(exchange.request, 101, head.fields, head.headers, has_body=False)
        changes = exchange.conclude(view)
        if changes is not None and changes.fields:
            fields = renderer.render_changed(head.fields, head.headers, changes.fields)
        else:
            fields = renderer.render(head.fields, head.headers, frozenset())
        if exchange.refusal is not None:
            self.refuse(exchange.refusal)
            return
        exchange.status = 101
        self.answered = True
        connection.target.succeeded()
        own = render_fields(exchange.facts.response_fields)
        request_id = exchange.request_id.encode()
        answer = b"HTTP/1.1 101 Switching Protocols\r\n%b%b%bx-request-id: %b\r\n\r\n" % (
            _UPGRADE,
            fields,
            own,
            request_id,
        )
        downstream = cast("Switchable", self._downstream)  # only such a connection makes this stream
        self._gateway.outbox.write(downstream.transport, answer)
        record = record_of(exchange, self._gateway.now())
        record.session = "open"
        record.verdicts = tuple(record.verdicts)
        self._gateway.records.add(record)
        self._session = session = Session(self._gateway, exchange, rules, self._ended_session, compressed=compressed)
        self._connection = None
        session.begin(downstream, connection, rest)

    def client_gone(self) -> None:
        """The client has closed its connection."""
        if self._session is None:
            super().client_gone()
        else:
            self._session.client_lost()

    def client_blocked(self, blocked: bool) -> None:
        """As without a session; in one, the session sees to it."""
        if self._session is None:
            super().client_blocked(blocked)

    def drain(self) -> None:
        """The worker is about to stop: tell both sides."""
        if self._session is not None:
            self._session.go_away()

    def _ended_session(self, refusal: Refuse | None, *, aborted: bool) -> None:
        """The session is over: write its record."""
        if self._done:
            return
        self._done = True
        exchange = self.exchange
        session = self._session
        if refusal is not None:
            exchange.refuse(refusal)
        elif aborted:
            exchange.refuse(Refuse(CLIENT_ABORTED))
        record = record_of(exchange, self._gateway.now())
        record.session = "end"
        record.us_upstream, record.us_gateway = record.us_total, 0
        if session is not None:
            record.messages_in, record.messages_out = session.client.messages, session.service.messages
            record.close_code = session.close_code
        self._gateway.records.add(record)
