"""Bytes of a client, through everything that a request goes through: parsing, routing, policies, forwarding.

Whatever they are: nothing raises; each request is answered once, in order, and each refusal is a problem document; the
service can read what it is sent, each of its messages is one of the client's requests, and llhttp finds the same
requests in what the client sent. Where llhttp stops (at a tab behind ``chunked``, for one) h11 must find them.
"""

from __future__ import annotations

from urllib.parse import parse_qsl

import h11
from world import ANSWER, ORDER, Message, RequestReader, World, check_refusal, loop, read_answer, require

from portcullis.engine.record import Record

DECLARED = {
    "/shop/open/": {"limit", "tags", "at"},
    "/shop/styles/": {"fa", "fb", "spaces", "pipes", "deep", "json"},
}


def check(data: bytes) -> None:
    """Raise if anything of that does not hold for ``data``."""
    loop().run_until_complete(_converse(data))


def _respond(message: Message) -> bytes:
    return b"HTTP/1.1 204 No Content\r\n\r\n" if message.method == "HEAD" else ANSWER % (len(ORDER), ORDER)


async def _converse(data: bytes) -> None:
    world = World(_respond)
    await world.send(data)
    await world.end()
    _check_messages(world, data)
    _check_answers(world)


def _check_messages(world: World, data: bytes) -> None:
    """What the service read is what the client asked for, and was allowed."""
    asked = RequestReader()
    asked.feed(data)
    records = {record.request_id.encode(): record for record in world.records}
    seen: set[bytes] = set()
    for message in world.messages:
        ids = message.fields.get(b"x-request-id", [])
        require(
            len(ids) == 1 and ids[0] in records and ids[0] not in seen, "a message that nobody sent", message.fields
        )
        seen.add(ids[0])
        record = records[ids[0]]
        require(record.method == message.method, "another method", record, message.method)
        _check_query(message)
        index = int(ids[0], 16) - 1
        original = asked.whole[index] if index < len(asked.whole) else _read_by_h11(data, index)
        require(original is not None, "nobody else reads such a request", asked.ended, record)
        assert original is not None
        require(original.method == message.method, "another request", original.method, record)
        if b"content-encoding" not in original.fields and not _was_modified(record):
            require(original.body == message.body, "another body", original.body, message.body)


def _was_modified(record: Record) -> bool:
    return any(verdict.outcome == "modify" for verdict in record.verdicts)


def _check_query(message: Message) -> None:
    """Of operations that refuse what is not declared, the service gets no other parameter, however it splits them."""
    path, _, query = message.target.decode().partition("?")
    for prefix, declared in DECLARED.items():
        if path.startswith(prefix):
            require(";" not in query, "a semicolon, at which some split", query)
            names = {name.partition("[")[0] for name, _ in parse_qsl(query, keep_blank_values=True, errors="strict")}
            require(names <= declared, "the service gets what is not declared", names)


def _read_by_h11(data: bytes, index: int) -> Message | None:
    """The request of that index in ``data``, if h11 reads as far."""
    message = None
    for _ in range(index + 1):
        reader = h11.Connection(h11.SERVER)
        reader.receive_data(data.removeprefix(b"\r\n"))
        body = b""
        try:
            while not isinstance(event := reader.next_event(), h11.EndOfMessage):
                if isinstance(event, h11.Request):
                    message = event
                elif isinstance(event, h11.Data):
                    body += bytes(event.data)
                else:
                    return None
        except h11.ProtocolError:
            return None
        data = reader.trailing_data[0]
    assert message is not None
    return Message(message.method.decode(), message.target, {name: [] for name, _ in message.headers}, body)


def _check_answers(world: World) -> None:
    """The client got one answer for each request, in order; the last one may be cut if the connection was."""
    rest = world.transport.sent
    for record in world.records:
        if not rest:
            require(not _was_answered(record), "no answer", record)
            continue
        answer, rest = read_answer(rest, record.method, world.transport.closed)
        require(answer.fields.get(b"x-request-id") == [record.request_id.encode()], "another's answer", answer.fields)
        require(answer.status == record.status, "another status", answer.status, record)
        if record.decision == "refuse":
            require(answer.whole, "half a refusal", record)
            check_refusal(answer, record)
        require(answer.whole or not rest, "half an answer", record)
    require(not rest, "bytes that answer nothing", rest)


def _was_answered(record: Record) -> bool:
    return record.status != 0 and record.decision != "abort"
