"""A gateway without sockets for the harnesses: the shop's snapshot, one client, and a service that others' code reads.

Everything that could differ between two runs of the same bytes is taken away: identifiers count up, time stands still,
and where the bytes are cut into pieces is decided by the bytes.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import httptools
import orjson

from portcullis.engine.compile import compile_snapshot
from portcullis.engine.config.load import load_configuration
from portcullis.engine.ports import Ports
from portcullis.engine.record import Record
from portcullis.engine.snapshot import Snapshot
from portcullis.testing import FakeClock, FakeCounters, FakeKeys, FakeTransport, Playbook

HERE = Path(__file__).parent
PIECES = 6
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
ORDER = b'{"name":"a","qty":1}'

Respond = Callable[["Message"], bytes]


class BrokenRuleError(AssertionError):
    """What must never happen has happened."""


def require(holds: object, *what: object) -> None:
    """Raise :class:`BrokenRuleError` with ``what`` unless it ``holds``."""
    if not holds:
        raise BrokenRuleError(*what)


@cache
def snapshot() -> Snapshot:
    """The shop, compiled."""

    class Files:
        def read(self, path: str) -> bytes:
            return (HERE / path).read_bytes()

        def read_referred(self, path: str, document: str) -> bytes:
            del document
            return self.read(path)

        def environment(self, _name: str) -> str | None:
            return None

    configuration = load_configuration((HERE / "portcullis.yaml").read_text(encoding="utf-8"), "portcullis.yaml")
    return compile_snapshot(configuration, Files(), Ports(FakeClock(), FakeCounters(), FakeKeys()))


@cache
def loop() -> asyncio.AbstractEventLoop:
    """The loop that all runs share."""
    return asyncio.new_event_loop()


def pieces(data: bytes) -> Iterator[bytes]:
    """``data`` in up to six pieces."""
    chance = Random(zlib.crc32(data))
    cuts = sorted(chance.choices(range(1, len(data) + 1), k=chance.randrange(PIECES))) if data else []
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        if start < end:
            yield data[start:end]


class Message:
    """One whole request as llhttp reads it."""

    def __init__(self, method: str, target: bytes, fields: dict[bytes, list[bytes]], body: bytes) -> None:
        self.method = method
        self.target = target
        self.fields = fields
        self.body = body


class RequestReader:
    """Reads requests with llhttp. ``whole``: those that are complete; ``ended``: it reads no further, and why."""

    def __init__(self) -> None:
        self.whole: list[Message] = []
        self.ended: Exception | None = None
        self._parser = httptools.HttpRequestParser(self)

    def feed(self, data: bytes) -> None:
        if self.ended is None:
            try:
                self._parser.feed_data(data)
            except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
                self.ended = error

    def on_message_begin(self) -> None:
        self._target, self._body = b"", b""
        self._fields: dict[bytes, list[bytes]] = {}

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.setdefault(name.lower(), []).append(value)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self.whole.append(Message(self._parser.get_method().decode(), self._target, self._fields, self._body))


class Service:
    """One connection to the service. ``respond`` says what a message is answered with."""

    def __init__(self, connection: Any, transport: FakeTransport, respond: Respond) -> None:
        self.connection = connection
        self.transport = transport
        self.reader = RequestReader()
        self._respond = respond
        self._answered = 0
        self._lost = False

    def turn(self) -> bool:
        """Read what came and answer it; whether anything happened."""
        if self._lost:
            return False
        data = self.transport.take()
        self.reader.feed(data)
        require(self.reader.ended is None, "the service can't read what it was sent", data, self.reader.ended)
        if self.transport.closed:
            self._lost = True
            self.transport.lose(self.connection)
            return True
        for message in self.reader.whole[self._answered :]:
            self._answered += 1
            for piece in pieces(self._respond(message)):
                if self.transport.closed:
                    break
                self.connection.data_received(piece)
        return bool(data)

    def close(self) -> None:
        """The service ends the connection."""
        if not self._lost:
            self._lost = True
            if not self.transport.closed:
                self.connection.eof_received()
            self.transport.lose(self.connection)


class World:
    """One gateway, its client, and its service. To be used within :func:`loop`."""

    def __init__(self, respond: Respond, kind: Callable[[Snapshot], Playbook] = Playbook) -> None:
        self._respond = respond
        self.failures: list[dict[str, Any]] = []
        self.services: list[Service] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: self.failures.append(context))
        self.play = kind(snapshot())
        self.client = self.play.client
        self.transport = self.play.client_transport
        self._watched = len(self.play.gateway.deadlines) - 1

    @property
    def records(self) -> list[Record]:
        """In the order in which the requests came."""
        return sorted(self.play.records, key=lambda record: record.request_id)

    @property
    def messages(self) -> list[Message]:
        """What the service read, of all its connections."""
        return [message for service in self.services for message in service.reader.whole]

    async def send(self, data: bytes) -> None:
        """The client sends ``data`` in pieces, as far as the gateway listens."""
        for piece in pieces(data):
            if self.transport.closed:
                return
            self.client.data_received(piece)
            await self.settle()

    async def settle(self) -> None:
        """Let everything happen that can happen without time passing."""
        gateway, play = self.play.gateway, self.play
        before: object = None
        while (now := (len(play.records), len(self.transport.sent), len(play.service_connections))) != before:
            before = now
            gateway.outbox.flush()
            for _ in range(4):
                await asyncio.sleep(0)
            for connection, transport in play.service_connections[len(self.services) :]:
                self.services.append(Service(connection, transport, self._respond))
            if sum(service.turn() for service in self.services):
                before = None

    async def end(self) -> None:
        """Everybody goes; then nothing may be left, and nothing may have failed."""
        await self.settle()
        if not self.transport.closed:
            self.client.eof_received()
        self.transport.lose(self.client)
        await self.settle()
        for service in self.services:
            service.close()
        await self.settle()
        gateway = self.play.gateway
        require(not self.failures, "an exception in the loop", self.failures)
        for record in self.play.records:
            require(record.code != "guard.internal", "a fault of ours", record)
        require(gateway.buffers.held == 0, "memory is held", gateway.buffers.held)
        require(not gateway.connections, "a connection is left")
        require(len(gateway.deadlines) == self._watched, "a deadline is left")
        count = len(self.play.records)
        require([int(each.request_id, 16) for each in self.records] == [*range(1, count + 1)], "a request, no record")


HEAD = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2}) [^\r\n]*\r\n((?:[^\r\n:]+: [^\r\n]*\r\n)*)\r\n")


class Answer:
    """One answer as the client reads it."""

    def __init__(self, status: int, fields: dict[bytes, list[bytes]], body: bytes, *, whole: bool) -> None:
        self.status = status
        self.fields = fields
        self.body = body
        self.whole = whole


def read_answer(data: bytes, method: str, closed: str) -> tuple[Answer, bytes]:
    """The first final answer in ``data`` to a request of ``method``, and what comes after it.

    ``closed``: what became of the connection; an answer without a length is whole unless it was broken off.
    """
    while True:
        head = HEAD.match(data)
        require(head is not None, "not an answer", data)
        assert head is not None
        data = data[head.end() :]
        if (status := int(head[1])) >= 200:
            break
        require(status == 100, "an interim answer that nobody asked for", status)
    fields: dict[bytes, list[bytes]] = {}
    for line in head[2].split(b"\r\n")[:-1]:
        name, _, value = line.partition(b": ")
        require(name == name.lower(), "a field with capitals", name)
        fields.setdefault(name, []).append(value)
    if method == "HEAD" or status in (204, 304):
        return Answer(status, fields, b"", whole=True), data
    if b"transfer-encoding" in fields:
        require(fields[b"transfer-encoding"] == [b"chunked"] and b"content-length" not in fields, fields)
        return _read_chunks(status, fields, data)
    if b"content-length" in fields:
        (length,) = map(int, fields[b"content-length"])
        return Answer(status, fields, data[:length], whole=len(data) >= length), data[length:]
    require(fields.get(b"connection") == [b"close"], "an answer without an end", fields)
    return Answer(status, fields, data, whole=closed != "aborted"), b""


def _read_chunks(status: int, fields: dict[bytes, list[bytes]], data: bytes) -> tuple[Answer, bytes]:
    body = b""
    while line := re.match(rb"([0-9a-f]+)\r\n", data):
        size = int(line[1], 16)
        chunk, data = data[line.end() : line.end() + size], data[line.end() + size :]
        if not data.startswith(b"\r\n"):
            return Answer(status, fields, body + chunk, whole=False), b""
        body, data = body + chunk, data[2:]
        if not size:
            return Answer(status, fields, body, whole=True), data
    require(not data, "not a chunk", data)
    return Answer(status, fields, body, whole=False), b""


def check_refusal(answer: Answer, record: Record) -> None:
    """A refusal must be a problem document that agrees with the record, but for the exact code."""
    require(answer.fields.get(b"content-type") == [b"application/problem+json"], "no problem document", answer.fields)
    if not answer.body:
        return  # to HEAD
    problem = orjson.loads(answer.body)
    require(problem["status"] == answer.status == record.status, problem, record)
    require(problem["request_id"] == record.request_id, problem, record)
    require(problem.keys() >= {"type", "title", "code"}, problem)
