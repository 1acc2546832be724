"""Frames between processes."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.stores import frames
from portcullis.stores.frames import MAX_FRAME, FrameDecoder, FrameError, Kind, encode_frame, encode_topic

some_frames = st.lists(st.tuples(st.sampled_from(Kind), st.binary(max_size=50)), max_size=8)


def test_a_frame_is_length_kind_and_payload() -> None:
    assert encode_frame(Kind.TOPIC, b"abc") == b"\x00\x00\x00\x03\x04abc"


def test_kinds_keep_their_numbers() -> None:
    assert [(kind.name, int(kind)) for kind in Kind] == [
        ("HELLO", 1), ("RECORDS", 2), ("TALLY", 3), ("TOPIC", 4), ("TAKEN", 5),
        ("INFORMED", 6), ("QUESTION", 7), ("REPLY", 8),
    ]  # fmt: skip


@given(some_frames, st.data())
def test_frames_are_the_same_however_the_bytes_are_cut(sent: list[tuple[Kind, bytes]], data: st.DataObject) -> None:
    wire = b"".join(encode_frame(kind, payload) for kind, payload in sent)
    decoder = FrameDecoder()
    received: list[tuple[Kind, bytes]] = []
    while wire:
        size = data.draw(st.integers(1, len(wire)))
        received += decoder.feed(wire[:size])
        wire = wire[size:]
    assert received == sent


def test_one_byte_at_a_time_is_enough() -> None:
    decoder = FrameDecoder()
    wire = encode_frame(Kind.TALLY, b"x" * 300) + encode_frame(Kind.HELLO, b"")
    received = [frame for byte in wire for frame in decoder.feed(bytes([byte]))]
    assert received == [(Kind.TALLY, b"x" * 300), (Kind.HELLO, b"")]


@rows("kind", [0, 9, 255])
def test_a_frame_of_an_unknown_kind_is_refused(kind: int) -> None:
    with pytest.raises(FrameError, match=f"kind {kind}"):
        FrameDecoder().feed(struct.pack(">IB", 0, kind))


@rows("length", [MAX_FRAME + 1, 2**32 - 1])
def test_a_frame_that_announces_too_much_is_refused_before_any_of_it_is_kept(length: int) -> None:
    with pytest.raises(FrameError, match="bytes"):
        FrameDecoder().feed(struct.pack(">IB", length, Kind.RECORDS))


def test_a_frame_that_could_not_be_read_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "MAX_FRAME", 4)
    assert encode_frame(Kind.TOPIC, b"abcd")
    with pytest.raises(FrameError):
        encode_frame(Kind.TOPIC, b"abcde")


def test_a_topic_is_its_name_and_what_is_known() -> None:
    assert FrameDecoder().feed(encode_topic("keys", b"a\0b")) == [(Kind.TOPIC, b"keys\0a\0b")]


def test_garbage_is_refused() -> None:
    with pytest.raises(FrameError):
        FrameDecoder().feed(b"GET / HTTP/1.1\r\n\r\n")
