from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.grpc.framing import FramingError, MessageReader, framed


def read(body: bytes, encoding: bytes | None = None, most: int = 1000) -> list[bytes]:
    reader = MessageReader(encoding, most)
    messages = list(reader.feed(body))
    reader.end()
    return messages


@given(st.lists(st.binary(max_size=40), max_size=8), st.lists(st.integers(1, 30), max_size=30))
def test_messages_come_out_as_they_were_whatever_the_pieces(messages: list[bytes], cuts: list[int]) -> None:
    body = b"".join(map(framed, messages))
    reader = MessageReader(None, 1000)
    found: list[bytes] = []
    for cut in cuts:
        found += reader.feed(body[:cut])
        body = body[cut:]
    found += reader.feed(body)
    reader.end()
    assert found == messages
    assert reader.messages == len(messages)


def test_compressed_ones_are_decoded():
    body = gzip.compress(b"x" * 900)
    assert read(b"\1" + len(body).to_bytes(4) + body, b"gzip") == [b"x" * 900]


@rows(
    ("body", "encoding", "fault"),
    [
        (b"\2\0\0\0\0", None, "malformed"),
        (b"\0\0\0\0\2a", None, "malformed"),
        (b"\0\0", None, "malformed"),
        (b"\0\0\0\x03\xe9", None, "too_large"),
        (b"\0\xff\xff\xff\xff", None, "too_large"),
        (b"\1\0\0\0\1a", None, "malformed"),
        (b"\1\0\0\0\1a", b"gzip", "malformed"),
        (b"\1\0\0\0%c%b" % (len(gzip.compress(b"x" * 1001)), gzip.compress(b"x" * 1001)), b"gzip", "too_large"),
    ],
)
def test_what_is_wrong_is_told(body, encoding, fault):
    with pytest.raises(FramingError) as caught:
        read(body, encoding)
    assert caught.value.fault == fault


def test_no_more_is_held_than_a_message():
    reader = MessageReader(None, 100)
    for _ in range(50):
        assert list(reader.feed(framed(b"x" * 100))) == [b"x" * 100]
        assert not reader._held


def test_many_small_messages_grow_together_no_more_than_one_may():
    body = gzip.compress(b"\0" * 60_000)
    reader = MessageReader(b"gzip", 2**20)
    messages = reader.feed((b"\1" + len(body).to_bytes(4) + body) * 1000)
    assert len(next(messages)) == 60_000
    with pytest.raises(FramingError, match="more than 100 times") as caught:
        list(messages)
    assert caught.value.fault == "too_large"
    assert reader.messages < 4


def test_what_is_held_of_a_message_is_told():
    reader = MessageReader(None, 1000)
    assert list(reader.feed(framed(b"x" * 10)[:12])) == []
    assert reader.held == 12
    assert list(reader.feed(b"xxx")) == [b"x" * 10]
    assert reader.held == 0
