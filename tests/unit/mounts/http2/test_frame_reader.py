from __future__ import annotations

import pytest
from http2_faults import DATA, HEADERS, PADDED, PING, PRIORITY, WITH_PRIORITY, frame, word

from portcullis.mounts.http2.errors import ConnectionFaultError, ErrorCode, StreamFaultError
from portcullis.mounts.http2.frame_reader import FrameReader


@pytest.fixture
def reader() -> FrameReader:
    return FrameReader()


def test_frames_are_cut_out_of_what_comes(reader):
    wire = frame(PING, 0, 0, b"12345678") + frame(DATA, 1, 5, b"abc")
    for at in range(len(wire)):
        reader.feed(wire[at : at + 1])
        if at == 16:
            assert reader.next() == (PING, 0, 0, b"12345678", 8)
            assert reader.waiting == 0
        elif at < len(wire) - 1:
            assert reader.next() is None
    assert reader.next() == (DATA, 1, 5, b"abc", 3)
    assert reader.next() is None


def test_bytes_that_are_no_frame_can_be_taken_first(reader):
    reader.feed(b"PR")
    assert (reader.take(3), reader.peek(3), reader.waiting) == (None, b"PR", 2)
    reader.feed(b"I" + frame(PING, 0, 0, bytes(8)))
    assert reader.take(3) == b"PRI"
    assert reader.next() is not None


def test_padding_and_priority_are_taken_off_but_counted(reader):
    reader.feed(frame(DATA, PADDED, 1, b"\x02ab\0\0"))
    assert reader.next() == (DATA, PADDED, 1, b"ab", 5)
    reader.feed(frame(HEADERS, PADDED | WITH_PRIORITY, 1, b"\x01" + word(3) + b"\x10" + b"block" + b"\0"))
    assert reader.next()[3] == b"block"
    reader.feed(frame(DATA, PADDED, 1, b"\x02\0\0"))
    assert reader.next()[3] == b""


def test_what_is_too_large_is_refused_before_it_comes(reader):
    reader.feed(frame(DATA, 0, 1, bytes(16385))[:9])
    with pytest.raises(ConnectionFaultError) as caught:
        reader.next()
    assert caught.value.code is ErrorCode.FRAME_SIZE_ERROR


def test_after_a_fault_of_one_stream_reading_goes_on(reader):
    reader.feed(frame(PRIORITY, 0, 3, b"1234") + frame(PING, 0, 0, bytes(8)))
    with pytest.raises(StreamFaultError):
        reader.next()
    assert reader.next()[0] == PING


def test_the_payload_of_unknown_types_is_not_looked_at(reader):
    reader.feed(frame(0x42, 0xFF, 3, b"x" * 100))
    assert reader.next() == (0x42, 0xFF, 3, b"", 100)
