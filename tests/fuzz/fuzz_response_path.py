"""Bytes of a service in answer to one request, and then another client's request over the same pool.

Whatever they are: nothing raises; the client gets one answer that ends where it says, or a connection that is cut, or a
problem document; what it gets whole, llhttp reads the same way; and the next client gets its own answer.
"""

from __future__ import annotations

import zlib

import httptools
from world import ANSWER, ORDER, Message, World, check_refusal, loop, read_answer, require

REQUESTS = (
    b"GET /shop/open/x HTTP/1.1\r\nHost: shop\r\n\r\n",
    b"HEAD /shop/open/x HTTP/1.1\r\nHost: shop\r\n\r\n",
    b"DELETE /shop/open/x HTTP/1.1\r\nHost: shop\r\n\r\n",
    b"GET /shop/orders/1 HTTP/1.1\r\nHost: shop\r\n\r\n",
    b"GET /shop/open/x HTTP/1.0\r\nHost: shop\r\nConnection: keep-alive\r\n\r\n",
)
NEXT = b"GET /shop/open/next HTTP/1.1\r\nHost: shop\r\n\r\n"


def check(data: bytes) -> None:
    """Raise if anything of that does not hold for ``data``."""
    loop().run_until_complete(_converse(data))


async def _converse(data: bytes) -> None:
    request = REQUESTS[zlib.crc32(data) % len(REQUESTS)]

    def respond(message: Message) -> bytes:
        return ANSWER % (len(ORDER), ORDER) if message.target.endswith(b"/next") else data

    world = World(respond)
    await world.send(request)
    for service in world.services:
        service.close()
    await world.settle()
    if sent := world.transport.take():
        _check_answer(world, sent, request, data)
    else:
        require(world.transport.closed == "aborted", "no answer, and the client still waits")
    if not world.transport.closed:
        await world.send(NEXT)
        answer, rest = read_answer(world.transport.take(), "GET", world.transport.closed)
        require((answer.status, answer.body, rest) == (200, ORDER, b""), "another's answer", answer.body, rest)
    await world.end()


def _check_answer(world: World, sent: bytes, request: bytes, data: bytes) -> None:
    (record,) = world.records
    answer, rest = read_answer(sent, record.method, world.transport.closed)
    require(not rest, "bytes behind the answer", rest)
    require(answer.whole or world.transport.closed == "aborted", "a cut answer that looks whole", record)
    if not answer.whole:
        return
    require(answer.status == record.status, "another status than in the record", answer.status, record)
    if record.decision == "refuse":
        check_refusal(answer, record)
    elif request.startswith(b"GET /shop/open"):
        _check_against_llhttp(data, answer.status, answer.body)


def _check_against_llhttp(data: bytes, status: int, body: bytes) -> None:
    reader = _ResponseReader()
    reader.feed(data)
    if 100 <= reader.status < 200:
        return  # it reads nothing behind an interim answer that is of HTTP/1.0 or closes, which nobody sends
    require(reader.status == status, "llhttp reads another status", reader.status, status)
    if status not in (204, 304):
        require(reader.body == body, "llhttp reads another body", reader.body, body)


class _ResponseReader:
    """The first final answer as llhttp reads it."""

    def __init__(self) -> None:
        self.status = 0
        self.body = b""
        self._done = False
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            require(self._done or self.status, "llhttp reads no answer", error)

    def on_headers_complete(self) -> None:
        if not self._done:
            self.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        if not self._done:
            self.body += body

    def on_message_complete(self) -> None:
        self._done = self._done or self.status >= 200
