from __future__ import annotations

import hpack
import pytest
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hypothesis import example, given
from hypothesis import strategies as st
from rows import rows

from portcullis.mounts.http2.block_grammar import check_padding, shape
from portcullis.mounts.http2.errors import ConnectionFaultError, ErrorCode

INDEXED, PLAIN, NEVER, INDEXING = b"\x82", b"\x00\x01a\x01b", b"\x10\x01a\x01b", b"\x40\x01a\x01b"


@rows(
    ["block", "changes"],
    [
        (b"", False),
        (INDEXED, False),
        (b"\xff\x00", False),
        (PLAIN + NEVER + INDEXED, False),
        (b"\x0f\x2f\x01b", False),
        (INDEXED + INDEXING, True),
        (b"\x41\x01b", True),
        (b"\x20" + INDEXED, True),
        (b"\x20\x3f\xe1\x1f" + INDEXED, True),
    ],
)
def test_whether_the_table_changes_is_told(block: bytes, changes: bool) -> None:
    assert shape(block).changes_table is changes


def test_where_huffman_strings_stand_is_told():
    assert shape(INDEXED + b"\x00\x81\x1f\x01b" + b"\x41\x81\x1f").huffman == [(1, False, 3, 4), (2, True, 8, 9)]


@rows(
    "block",
    [
        *(PLAIN[:end] for end in range(1, len(PLAIN))),
        *(b"\x41", b"\x41\x05ab", b"\xff", b"\xff\x80", b"\x7f\x80", b"\x3f", b"\x00\x7f\xff\xff\xff\xff\x0f"),
        *(
            b"\xff\x80\x80\x80\x80\x00",
            b"\x00\x7f\x80\x80\x80\x80\x00",
            INDEXED + b"\x20",
            b"\x20" * 3,
            PLAIN + b"\x3f\x00",
        ),
    ],
)
def test_what_is_no_block_is_refused(block: bytes) -> None:
    with pytest.raises(ConnectionFaultError) as caught:
        shape(block)
    assert caught.value.code is ErrorCode.COMPRESSION_ERROR


@given(st.lists(st.tuples(st.binary(max_size=40), st.binary(max_size=200)), max_size=8), st.booleans())
@example([(b"", b"")], True)
def test_what_another_encoder_writes_has_the_grammar_and_the_padding(
    fields: list[tuple[bytes, bytes]], huffman: bool
) -> None:
    block = hpack.Encoder().encode(fields, huffman=huffman)
    outline = shape(block)
    check_padding(block, outline, fields)


@rows("byte", range(256))
def test_every_byte_has_the_length_of_its_code(byte: int) -> None:
    value = bytes((byte,)) * 3
    coded = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH).encode(value)
    block = b"\x00\x01a" + bytes((0x80 | len(coded),)) + coded
    check_padding(block, shape(block), [(b"a", value)])
    too_long = b"\x00\x01a" + bytes((0x80 | len(coded) + 1,)) + coded + b"\xff"
    with pytest.raises(ConnectionFaultError):
        check_padding(too_long, shape(too_long), [(b"a", value)])
    if 3 * REQUEST_CODES_LENGTH[byte] % 8:
        broken = block[:-1] + bytes((coded[-1] ^ 1,))
        with pytest.raises(ConnectionFaultError):
            check_padding(broken, shape(broken), [(b"a", value)])
