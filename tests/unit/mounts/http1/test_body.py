from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import rows

from portcullis.engine.codes import MALFORMED_REQUEST, UPSTREAM_BAD_RESPONSE, Code
from portcullis.mounts.http1.body import (
    LAST_CHUNK,
    MAX_CHUNK_LINE,
    MAX_EXCESS,
    MAX_TRAILERS,
    BodyDecoder,
    ChunkedDecoder,
    LengthDecoder,
    UntilCloseDecoder,
    encode_chunk,
)
from portcullis.mounts.http1.errors import ProtocolError


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """``data`` cut at ``places``."""
    edges = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def decoded(decoder: BodyDecoder, pieces: list[bytes]) -> tuple[bytes, bytes | None, Code | None]:
    """Payload, what follows it (``None`` if it has not ended), and the code of a refusal."""
    payload, rest = b"", b""
    try:
        for piece in pieces:
            if decoder.done:
                rest += piece
            else:
                payload += b"".join(decoder.feed(piece))
                rest = decoder.rest
    except ProtocolError as error:
        return payload, None, error.code
    return payload, rest if decoder.done else None, None


def chunked(data: bytes) -> tuple[bytes, bytes | None]:
    payload, rest, code = decoded(ChunkedDecoder(), [data])
    assert code is None
    return payload, rest


def refused(data: bytes) -> bool:
    with pytest.raises(ProtocolError) as caught:
        ChunkedDecoder().feed(data)
    # The same wherever it is cut: byte by byte the first wrong byte is enough.
    assert decoded(ChunkedDecoder(), [data[i : i + 1] for i in range(len(data))])[2] is MALFORMED_REQUEST
    return caught.value.code is MALFORMED_REQUEST


def test_a_body_of_known_length_ends_there() -> None:
    decoder = LengthDecoder(5)
    piece = b"he"
    assert decoder.feed(piece)[0] is piece
    assert (decoder.done, decoder.remaining) == (False, 3)
    assert decoder.feed(b"") == []
    assert decoder.feed(b"lloGET") == [b"llo"]
    assert (decoder.done, decoder.remaining, decoder.rest) == (True, 0, b"GET")


def test_a_body_of_length_zero_is_done_from_the_start() -> None:
    decoder = LengthDecoder(0)
    assert decoder.done
    assert decoder.feed(b"GET") == []
    assert decoder.rest == b"GET"


def test_a_body_until_the_close_is_never_done() -> None:
    decoder = UntilCloseDecoder()
    assert [decoder.feed(b"a"), decoder.feed(b""), decoder.feed(b"b")] == [[b"a"], [], [b"b"]]
    assert (decoder.done, decoder.rest) == (False, b"")


@rows(
    ("data", "payload", "rest"),
    [
        (b"0\r\n\r\n", b"", b""),
        (b"000\r\n\r\nGET", b"", b"GET"),
        (b"5\r\nhello\r\n0\r\n\r\n", b"hello", b""),
        (b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\nX", b"hello world", b"X"),
        (b"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", b"0123456789" * 2, b""),
        (b"0000000000000001\r\nx\r\n0\r\n\r\n", b"x", b""),
        (b'1;a;b=c;d="e;\\" f\\\\";g=""\r\nx\r\n0;z=1\r\n\r\n', b"x", b""),
        (b"2\r\n\r\n\r\n0\r\n\r\n", b"\r\n", b""),
        (b"0\r\nVary: *\r\nContent-Type: text/plain \r\n\r\nGET", b"", b"GET"),
        (b"0\r\nX:POST / HTTP/1.1\r\n\r\n", b"", b""),
    ],
)
def test_chunks_are_decoded(data: bytes, payload: bytes, rest: bytes) -> None:
    assert chunked(data) == (payload, rest)
    for place in range(len(data)):
        assert decoded(ChunkedDecoder(), cut(data, [place])) == (payload, rest, None)
    if not rest:
        for end in range(len(data)):
            assert chunked(data[:end])[1] is None, data[:end]


def test_a_piece_within_a_chunk_is_handed_on_as_it_is() -> None:
    decoder = ChunkedDecoder()
    decoder.feed(b"1000\r\n")
    piece = b"x" * 1000
    assert decoder.feed(piece)[0] is piece


@rows(
    "data",
    [
        b"\r\n",
        b"\n",
        b" 0\r\n",
        b"0 \r\n",
        b"0\t\r\n",
        b"0\n",
        b"0\r\r\n",
        b"-0\r\n",
        b"+1\r\n",
        b"0x1\r\n",
        b"1_0\r\n",
        b"g\r\n",
        b"\xd9\xa3\r\n",
        b"1\x00\r\n",
        b"1;\r\n",
        b"1; a\r\n",
        b"1 ;a\r\n",
        b"1;a =b\r\n",
        b"1;a=\r\n",
        b"1;a=b c\r\n",
        b"1;;a\r\n",
        b"1;a\n",
        b"1;a=b\rc",
        b'1;a="b\r\n',
        b'1;a="\x00"\r\n',
        b'1;a="b"c\r\n',
        b'1;a="\\\r\n',
        b"1;\x80\r\n",
        b"1\r\nxx",
        b"1\r\nx\n",
        b"1\r\nx\rx",
        b"1\r\nx0\r\n",
        b"1\r\nx\r\n\r\n",
        b"00000000000000001",
        b"ffffffffffffffff\r\n",
        b"4000000000000001\r\n",
        b"0\r\n\n",
        b"0\r\n\rx",
        b"0\r\n x: y\r\n\r\n",
        b"0\r\nx : y\r\n\r\n",
        b"0\r\nx: y\n",
        b"0\r\nGET / HTTP/1.1\r\n\r\n",
        b"0\r\n\x00",
        b"0\r\nContent-Length: 1\r\n\r\n",
        b"0\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"0\r\nhost: a\r\n\r\n",
    ],
)
def test_a_malformed_chunk_is_refused(data: bytes) -> None:
    assert refused(data)


def test_a_refusal_carries_the_code_that_was_asked_for() -> None:
    with pytest.raises(ProtocolError) as caught:
        ChunkedDecoder(UPSTREAM_BAD_RESPONSE).feed(b"x")
    assert caught.value.code is UPSTREAM_BAD_RESPONSE
    with pytest.raises(ProtocolError) as caught:
        ChunkedDecoder(UPSTREAM_BAD_RESPONSE).feed(b"0\r\n" + b"a:b\r\n" * 129)
    assert caught.value.code is UPSTREAM_BAD_RESPONSE


@rows("first", [b"", b"1\r\nx\r\n"])
def test_a_chunk_line_has_a_limit(first: bytes) -> None:
    longest = b"1;" + b"a" * (MAX_CHUNK_LINE - 4) + b"\r\n"
    assert len(longest) == MAX_CHUNK_LINE
    assert chunked(first + longest + b"x\r\n0\r\n\r\n")[1] == b""
    assert refused(first + longest.replace(b";", b";a"))
    assert refused(first + b"1;" + b"a" * MAX_CHUNK_LINE)


def test_all_framing_together_has_a_limit() -> None:
    small = b"1\r\nx\r\n"
    assert chunked(small * 10_000)[0] == b"x" * 10_000
    padded = b"1;" + b"a" * 200 + b"\r\nx\r\n"
    assert refused(padded * (MAX_EXCESS // 100))


@pytest.mark.slow
def test_trailers_have_a_limit() -> None:
    most = b"0\r\na:" + b"b" * (MAX_TRAILERS - 6) + b"\r\n\r\n"
    assert chunked(most) == (b"", b"")
    assert refused(most.replace(b"a:", b"aa:"))
    assert refused(b"0\r\na:" + b"b" * MAX_TRAILERS)


def test_an_empty_chunk_is_not_written_since_it_would_end_the_body() -> None:
    assert encode_chunk(b"") == b""
    assert encode_chunk(b"x" * 17) == b"11\r\n" + b"x" * 17 + b"\r\n"


PLACES = st.lists(st.integers(0, 200), max_size=8)


@given(st.lists(st.binary(max_size=40), max_size=6), st.binary(max_size=5), PLACES)
def test_what_is_encoded_is_decoded_wherever_it_is_cut(parts: list[bytes], after: bytes, places: list[int]) -> None:
    data = b"".join(map(encode_chunk, parts)) + LAST_CHUNK + after
    assert decoded(ChunkedDecoder(), cut(data, places)) == (b"".join(parts), after, None)


FRAGMENTS = st.sampled_from(
    [
        b"0",
        b"1",
        b"2",
        b"a",
        b"\r\n",
        b"\r",
        b"\n",
        b";",
        b"x",
        b"=",
        b'"',
        b"\\",
        b":",
        b" ",
        b"1\r\nx\r\n",
        b"0\r\n\r\n",
    ]
)


@given(st.lists(FRAGMENTS, max_size=12).map(b"".join), PLACES)
def test_any_cut_gives_the_same_outcome(data: bytes, places: list[int]) -> None:
    whole, in_parts = decoded(ChunkedDecoder(), [data]), decoded(ChunkedDecoder(), cut(data, places))
    assert whole[1:] == in_parts[1:]
    if whole[2] is None:
        assert whole[0] == in_parts[0]
