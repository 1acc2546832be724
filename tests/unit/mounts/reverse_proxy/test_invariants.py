"""Whatever clients and services send, and in whatever order: what must hold always.

Clients and services act at random, some of them by the book and some not. Each request carries a token, and a service
answers with the token it was asked with: so it shows if an answer goes to another client, or to another request.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import pytest
from http2_faults import (
    CANCEL,
    DATA,
    END_STREAM,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    frame,
    head,
    headers,
    setting,
    word,
)
from http2_play import Http2Play, frames_in
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portcullis.engine.codes import Code
from portcullis.engine.decision import Refuse
from portcullis.engine.facts import Facts
from portcullis.engine.request import RequestView
from portcullis.mounts.http1.body import BodyDecoder, ChunkedDecoder, LengthDecoder
from portcullis.mounts.http1.request_head import parse_request_head
from portcullis.mounts.reverse_proxy.downstream import DownstreamConnection
from portcullis.mounts.reverse_proxy.upstream import UpstreamConnection
from portcullis.testing import FakeTransport, Playbook, settle

NO = Code("test.no", 403, "No")
_TOKEN = re.compile(rb"<[0-9.]+>")

REQUESTS = [
    b"GET /a HTTP/1.1\r\nHost: shop\r\nX-Token: %b\r\n\r\n",
    b"HEAD /a HTTP/1.1\r\nHost: shop\r\nX-Token: %b\r\n\r\n",
    b"PUT /a HTTP/1.1\r\nHost: shop\r\nX-Token: %b\r\nContent-Length: 5\r\n\r\nhello",
    b"PUT /a HTTP/1.1\r\nHost: shop\r\nX-Token: %b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"POST /a HTTP/1.1\r\nHost: shop\r\nX-Token: %b\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /a HTTP/1.1\r\nHost: shop\r\nX-Token: %b\r\nContent-Length: 90000\r\n\r\n" + b"x" * 90000,
    b"POST /a HTTP/1.1\r\nHost: shop\r\nX-Token: %b\r\nContent-Length: 900000\r\n\r\n" + b"x" * 900000,
    b"GET /a HTTP/1.0\r\nHost: shop\r\nX-Token: %b\r\nConnection: keep-alive\r\n\r\n",
    b"GET /a HTTP/1.0\r\nHost: shop\r\nX-Token: %b\r\n\r\n",
    b"GET /none HTTP/1.1\r\nHost: shop\r\nX-Token: %b\r\n\r\n",
    b"GET /a HTTP/1.1\r\nHost: shop\r\nX-Token: %b\r\nX-Refuse: yes\r\n\r\n",
    b"GET /a HTTP/1.1\r\nHost: shop\r\nX-Token: %b\r\nX-Fail: yes\r\n\r\n",
    b"PUT /a HTTP/1.1\r\nHost: shop\r\nX-Token: %b\r\nX-Wait: yes\r\nContent-Length: 5\r\n\r\nhello",
    b"GET /a HTTP/1.1\r\nHost: shop\r\nX-Token: %b\r\nConnection: x-token, close\r\n\r\n",
    b"PUT /a HTTP/1.1\r\nHost: shop\r\nX-Token: %b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz",
    b"GET /a HTTP/1.1\r\nHost: shop\r\nX-Token: %b\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
]
ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX-Length: %d\r\n\r\n%b",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b",
    b"HTTP/1.1 304 Not Modified\r\nX-Length: %d\r\nX-Token: %b\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%bmore than was announced",
    b"HTTP/1.1 200 OK\r\nContent-Length: 9%d\r\n\r\n%b",
    b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n%b",
    b"HTTP/1.1 101 Switching Protocols\r\nX-Length: %d\r\nX-Token: %b\r\n\r\n",
    b"garbage %d %b\r\n\r\n",
]

OFTEN = ["ask", "ask", "ask", "answer", "answer", "answer", "turn", "turn", "turn", "go on", "rest"]
RARELY = ["noise", "connect", "wait", "down", "client goes", "service goes", "client stalls", "service stalls"]
EVENTS = st.lists(
    st.tuples(
        st.sampled_from([*OFTEN, *RARELY]),
        st.integers(0, 255),
        st.integers(0, 255),
    ),
    min_size=30,  # what goes wrong needs some time
    max_size=90,
)


class Peer(msgspec.Struct):
    """One end of a connection as the other side of the transport sees it; ``unsent``: what it is about to send."""

    protocol: DownstreamConnection | UpstreamConnection
    transport: FakeTransport
    unsent: bytes = b""
    tokens: list[bytes] = []  # of what a client has asked, or a service was asked and has not answered
    body: BodyDecoder | None = None
    stalled: bool = False
    gone: bool = False

    @property
    def can_send(self) -> bool:
        return not self.gone and self.transport.is_reading()


class World:
    """Clients and services around one gateway."""

    def __init__(self, play: Callable[..., Playbook]) -> None:
        self.play = play({"max_connections": 3}, GET=[("head", _decide)], PUT=[("body", _decide)])
        self.gateway = self.play.gateway
        self.clients: list[Peer] = [Peer(self.play.client, self.play.client_transport)]
        self.services: list[Peer] = []
        self.asked = 0
        self.watched = len(self.gateway.deadlines) - 1

    def do(self, kind: str, which: int, what: int) -> None:
        getattr(self, kind.replace(" ", "_"))(which, what)

    def connect(self, _which: int, _what: int) -> None:
        if len(self.clients) < 6:
            self.play.connect()
            self.clients.append(Peer(self.play.client, self.play.client_transport))

    def ask(self, which: int, what: int) -> None:
        """A client sends a request, all of it or (if ``which`` is large) only its beginning for now."""
        number = which % len(self.clients)
        client = self.clients[number]
        self.asked += 1
        token = b"<%d.%d>" % (number, self.asked)
        client.tokens.append(token)
        client.unsent += REQUESTS[what % len(REQUESTS)] % token
        self._send(client, len(client.unsent) if which < 160 else which)

    def go_on(self, which: int, what: int) -> None:
        self._send(self.clients[which % len(self.clients)], what * what * 10)

    def noise(self, which: int, what: int) -> None:
        client = self.clients[which % len(self.clients)]
        client.unsent += bytes([what, which, 10])
        self._send(client, len(client.unsent))

    def answer(self, which: int, what: int) -> None:
        """A service answers what it was asked, if it has not yet; sometimes in two parts."""
        if not (services := [service for service in self.services if service.can_send]):
            return
        service = services[which % len(services)]
        self._listen(service)
        if service.tokens and not service.unsent:
            token = service.tokens.pop(0)
            service.unsent = ANSWERS[what % len(ANSWERS)] % (len(token), token)
            self._send(service, len(service.unsent) if which < 160 else what)

    def rest(self, which: int, _what: int) -> None:
        if self.services:
            service = self.services[which % len(self.services)]
            self._send(service, len(service.unsent))

    def client_goes(self, which: int, _what: int) -> None:
        self._lose(self.clients[which % len(self.clients)])

    def service_goes(self, which: int, what: int) -> None:
        if self.services:
            self._lose(self.services[which % len(self.services)], OSError(104, "reset") if what % 2 else None)

    def client_stalls(self, which: int, _what: int) -> None:
        self._stall(self.clients[which % len(self.clients)])

    def service_stalls(self, which: int, _what: int) -> None:
        if self.services:
            self._stall(self.services[which % len(self.services)])

    def wait(self, _which: int, what: int) -> None:
        self.play.wait(what / 4)

    def down(self, _which: int, what: int) -> None:
        self.play.service_is_up = what % 4 > 0

    async def turn(self) -> None:
        """What a loop does between two events: writes go out, what was closed is lost."""
        self.gateway.outbox.flush()
        await settle(2)
        for target in self.gateway.pools["shop"].targets:
            assert all(each.transport.is_reading() or each.transport.is_closing() for each in target.idle)
        known = {id(service.protocol) for service in self.services}
        self.services += [Peer(*made) for made in self.play.service_connections if id(made[0]) not in known]
        for service in self.services:
            self._listen(service)
        for peer in self.clients + self.services:
            if peer.transport.closed:
                self._lose(peer)

    async def end(self) -> None:
        """Everybody goes; then nothing may be left."""
        for _ in range(3):
            await self.turn()
            for peer in self.clients:
                self._lose(peer)
        self.play.wait(1000)
        for _ in range(3):
            await self.turn()
            for peer in self.services:
                self._lose(peer)
        await self.turn()

    def check_answers(self) -> None:
        for client in self.clients:
            got = _TOKEN.findall(client.transport.sent)
            assert [token for token in client.tokens if token in got] == got, "another's answer, or in another order"

    def _listen(self, service: Peer) -> None:
        """Read what a service was sent as strictly as it can be read: the gateway must send nothing else."""
        data = service.transport.take()
        while data:
            if service.body is None:
                head = parse_request_head(data, 1 << 16)
                assert head is not None, "heads are sent in one piece"
                service.tokens.append(head.headers.get(b"x-token", b"none"))
                service.body = ChunkedDecoder() if head.chunked else LengthDecoder(head.content_length)
                data = data[head.length :]
            if not service.body.done:
                service.body.feed(data)
                data = service.body.rest
            if service.body.done:
                service.body = None

    def _send(self, peer: Peer, count: int) -> None:
        if peer.can_send and peer.unsent and count:
            data, peer.unsent = peer.unsent[:count], peer.unsent[count:]
            peer.protocol.data_received(data)

    def _lose(self, peer: Peer, error: Exception | None = None) -> None:
        if not peer.gone:
            peer.gone = True
            if not peer.transport.closed and error is None:
                peer.protocol.eof_received()
            peer.transport.lose(peer.protocol, error)

    def _stall(self, peer: Peer) -> None:
        if not peer.gone:
            peer.stalled = not peer.stalled
            if peer.stalled:
                peer.protocol.pause_writing()
            else:
                peer.protocol.resume_writing()


HTTP2_REQUESTS = [
    (b"GET", [], None),
    (b"HEAD", [], None),
    (b"PUT", [(b"content-length", b"5")], b"hello"),
    (b"PUT", [], b"hello"),
    (b"POST", [(b"expect", b"100-continue"), (b"content-length", b"5")], b"hello"),
    (b"POST", [(b"content-length", b"90000")], b"x" * 90000),
    (b"POST", [], b"x" * 110000),
    (b"POST", [(b"content-length", b"7")], b"hello"),
    (b"GET", [(b"x-refuse", b"yes")], None),
    (b"GET", [(b"x-fail", b"yes")], None),
    (b"PUT", [(b"x-wait", b"yes")], b"hello"),
    (b"GET", [(b"connection", b"close")], None),
]


class Http2World(World):
    """Clients that have many requests under way, and take of the answers what they like."""

    def __init__(self, play: Callable[..., Playbook]) -> None:
        hello = PREFACE + frame(SETTINGS, 0, 0, setting(4, 4))
        super().__init__(partial(play, kind=partial(Http2Play, hello=hello)))

    def ask(self, which: int, what: int) -> None:
        number = which % len(self.clients)
        client = self.clients[number]
        self.asked += 1
        token = b"<%d.%d>" % (number, self.asked)
        stream = 2 * len(client.tokens) + 1
        client.tokens.append(token)
        method, others, body = HTTP2_REQUESTS[what % len(HTTP2_REQUESTS)]
        fields = head(method, b"/a", (b"x-token", token), *others, authority=b"shop")
        client.unsent += headers(fields, ended=body is None, stream=stream)
        for start in range(0, len(body or b""), 16384):
            piece = (body or b"")[start : start + 16384]
            client.unsent += frame(DATA, END_STREAM if start + 16384 >= len(body or b"") else 0, stream, piece)
        self._send(client, len(client.unsent) if which < 160 else which)

    def noise(self, which: int, what: int) -> None:
        """Windows open and shrink, streams are given up."""
        client = self.clients[which % len(self.clients)]
        stream = 2 * (what % (len(client.tokens) + 1)) - 1
        if stream < 0:
            client.unsent += frame(WINDOW_UPDATE, 0, 0, word(which * 100 + 1))
        elif which < 100:
            client.unsent += frame(WINDOW_UPDATE, 0, stream, word(what * what + 1))
        elif which < 150:
            client.unsent += frame(RST_STREAM, 0, stream, word(CANCEL))
        else:
            client.unsent += frame(SETTINGS, 0, 0, setting(4, what * 3))
        self._send(client, len(client.unsent))

    def check_answers(self) -> None:
        for client in self.clients:
            for kind, _, stream, payload in frames_in(client.transport.sent):
                if kind == DATA:
                    got = _TOKEN.findall(payload)
                    assert set(got) <= {client.tokens[stream // 2]}, "another's answer"


def _decide(request: RequestView, _facts: Facts) -> Any:
    if b"x-fail" in request.headers:
        raise LookupError("on purpose")
    if b"x-wait" in request.headers:
        return _wait()
    return Refuse(NO) if b"x-refuse" in request.headers else None


async def _wait() -> None:
    await asyncio.sleep(0)


@pytest.mark.slow
# The fixture only gives a function: there is nothing to set up anew.
@settings(
    max_examples=2 * settings.default.max_examples,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(events=EVENTS)
def test_nothing_is_lost_mixed_up_or_left_behind(play: Callable[..., Playbook], events: list[Any]) -> None:
    asyncio.run(_play(play, events))


@pytest.mark.slow
@settings(
    max_examples=2 * settings.default.max_examples,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(events=EVENTS)
def test_the_same_holds_for_many_streams_on_each_connection(play: Callable[..., Playbook], events: list[Any]) -> None:
    asyncio.run(_play(play, events, Http2World))


async def _play(
    play: Callable[..., Playbook], events: list[Any], begin: Callable[[Callable[..., Playbook]], World] = World
) -> None:
    failures: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: failures.append(context))
    world = begin(play)
    for kind, which, what in events:
        if kind == "turn":
            await world.turn()
        else:
            world.do(kind, which, what)
    await world.end()
    gateway, pool = world.gateway, world.gateway.pools["shop"]
    assert not failures
    world.check_answers()
    records = world.play.records
    # The playbook's identifiers count: one for each stream.
    assert sorted(int(record.request_id, 16) for record in records) == list(range(1, len(records) + 1))
    assert int(gateway.identifiers.next(), 16) == len(records) + 1, "a request without a record"
    assert gateway.buffers.held == 0
    assert not gateway.connections
    assert [(target.open, target.idle) for target in pool.targets] == [(0, [])]
    assert len(gateway.deadlines) == world.watched
