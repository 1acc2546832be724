from __future__ import annotations

import asyncio

import pytest

from portcullis.mounts.outbox import Outbox
from portcullis.testing import FakeTransport


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


async def test_writes_are_sent_at_the_end_of_the_turn_and_in_order(outbox):
    one, other = FakeTransport(), FakeTransport()
    outbox.write(one, b"a")
    outbox.write(other, b"x")
    outbox.write(one, b"b")
    assert (one.sent, other.sent) == (b"", b"")
    await asyncio.sleep(0)
    assert (one.sent, other.sent) == (b"ab", b"x")


async def test_a_close_comes_after_the_writes_before_it(outbox):
    transport = FakeTransport()
    outbox.write(transport, b"a")
    outbox.close(transport)
    assert not transport.closed
    await asyncio.sleep(0)
    assert (transport.sent, transport.closed) == (b"a", "closed")


async def test_nothing_is_written_to_what_was_aborted_meanwhile(outbox):
    transport = FakeTransport()
    outbox.write(transport, b"a")
    transport.abort()
    await asyncio.sleep(0)
    assert transport.sent == b""


async def test_flushing_early_sends_once(outbox):
    transport = FakeTransport()
    outbox.write(transport, b"a")
    outbox.flush()
    outbox.write(transport, b"b")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert transport.sent == b"ab"


async def test_what_a_write_queues_goes_out_in_the_next_turn(outbox):
    other = FakeTransport()

    class Chained(FakeTransport):
        def write(self, data: bytes | bytearray | memoryview) -> None:
            super().write(data)
            outbox.write(other, b"next")

    outbox.write(Chained(), b"first")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert other.sent == b"next"


async def test_a_transport_that_fails_does_not_keep_the_others_from_their_bytes(outbox):
    class Broken(FakeTransport):
        def write(self, data: bytes | bytearray | memoryview) -> None:
            raise RuntimeError("the handler is closed")

    transport = FakeTransport()
    outbox.write(Broken(), b"lost")
    outbox.write(transport, b"kept")
    outbox.flush()
    assert transport.sent == b"kept"


async def test_pieces_that_come_until_the_end_of_the_turn_are_written_in_one(outbox):
    transport, pieces = FakeTransport(), [b"a"]
    outbox.write(transport, b"1")
    outbox.write_all(transport, pieces)
    outbox.close(transport)
    pieces.append(b"b")
    outbox.flush()
    assert (transport.sent, transport.closed, pieces) == (b"1ab", "closed", [])


async def test_pieces_alone_are_written_at_the_end_of_the_turn(outbox):
    transport = FakeTransport()
    outbox.write_all(transport, [b"a", b"b"])
    await asyncio.sleep(0)
    assert transport.sent == b"ab"
