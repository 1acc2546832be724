from __future__ import annotations

import hpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import rows

from portcullis.mounts.http2.errors import ConnectionFaultError, ErrorCode
from portcullis.mounts.http2.header_blocks import BlockDecoder, BlockEncoder

FIELDS = st.lists(st.tuples(st.sampled_from([b"a", b"x-b", b":path", b"cookie"]), st.binary(max_size=60)), max_size=6)
ID = b"x-request-id: " + b"0123456789abcdef" * 2 + b"\r\n"


@given(st.lists(FIELDS, max_size=5), st.booleans())
def test_what_another_encoder_writes_is_decoded(heads: list[list[tuple[bytes, bytes]]], huffman: bool) -> None:
    encoder, decoder = hpack.Encoder(), BlockDecoder(65536)
    for fields in heads:
        assert decoder.decode(encoder.encode(fields, huffman=huffman))[0] == fields


@settings(max_examples=settings.default.max_examples * 2)
@given(st.lists(st.binary(max_size=40), max_size=4))
def test_any_bytes_are_decoded_as_another_decoder_does_or_refused(blocks: list[bytes]) -> None:
    decoder, other = BlockDecoder(65536), hpack.Decoder(65536)
    for block in blocks:
        try:
            fields = decoder.decode(block)[0]
        except ConnectionFaultError:
            return
        assert fields == [tuple(each) for each in other.decode(block, raw=True)]


def test_whether_the_same_bytes_mean_the_same_again_is_told():
    encoder, decoder = hpack.Encoder(), BlockDecoder(65536)
    fields = [(":method", "GET"), ("x-a", "1")]
    assert decoder.decode(encoder.encode(fields))[1] is False
    assert decoder.decode(encoder.encode(fields))[1] is True


def test_a_bomb_is_not_decoded():
    encoder, decoder = hpack.Encoder(), BlockDecoder(65536)
    decoder.decode(encoder.encode([("x-bomb", "x" * 4000)], huffman=False))
    with pytest.raises(ConnectionFaultError) as caught:
        decoder.decode(b"\xbe" * 16000)
    assert caught.value.code is ErrorCode.ENHANCE_YOUR_CALM


def decoded(encoder: BlockEncoder, decoder: hpack.Decoder, status: int, fields: bytes) -> list[tuple[bytes, bytes]]:
    return [tuple(each) for each in decoder.decode(encoder.encode(status, fields), raw=True)]


@rows("status", [100, 200, 201, 204, 206, 304, 404, 431, 500, 599])
def test_every_status_is_encoded(status: int) -> None:
    assert decoded(BlockEncoder(), hpack.Decoder(), status, b"") == [(b":status", b"%d" % status)]


def test_fields_are_encoded_in_their_order_and_shorter_when_they_repeat():
    encoder, decoder = BlockEncoder(), hpack.Decoder()
    fields = b"content-type: application/json\r\nx-a: 1: 2\r\nset-cookie: secret\r\n" + ID + b"content-length: 12\r\n"
    sizes = []
    for _ in range(4):
        block = encoder.encode(200, fields)
        sizes.append(len(block))
        assert [tuple(each) for each in decoder.decode(block, raw=True)] == [
            (b":status", b"200"),
            (b"content-type", b"application/json"),
            (b"x-a", b"1: 2"),
            (b"set-cookie", b"secret"),
            (b"x-request-id", b"0123456789abcdef" * 2),
            (b"content-length", b"12"),
        ]
    assert sizes[3] == sizes[2] < sizes[1] < sizes[0]


def test_names_are_lower_case_whoever_wrote_them():
    assert decoded(BlockEncoder(), hpack.Decoder(), 200, b"X-Own: Yes\r\n")[1] == (b"x-own", b"Yes")


def test_cookies_are_never_held_in_a_table():
    decoder = hpack.Decoder()
    (_, cookie) = decoder.decode(BlockEncoder().encode(200, b"set-cookie: secret\r\n"), raw=True)
    assert isinstance(cookie, hpack.NeverIndexedHeaderTuple)


LINES = st.sampled_from([b"x-%d: %b" % (number, b"v" * size) for number in range(8) for size in (0, 1, 200, 600)])


@given(
    st.lists(st.one_of(st.lists(LINES, max_size=6), st.sampled_from([0, 100, 4096, 65536])), max_size=30),
)
def test_whatever_repeats_and_however_the_table_changes_the_client_reads_the_same(
    steps: list[list[bytes] | int],
) -> None:
    encoder, decoder = BlockEncoder(), hpack.Decoder()
    for step in steps:
        if isinstance(step, int):
            encoder.resize(step)
            decoder.max_allowed_table_size = step
        else:
            rendered = b"".join(line + b"\r\n" for line in step)
            fields = [tuple(line.split(b": ", 1)) for line in step]
            assert decoded(encoder, decoder, 200, rendered)[1:] == fields


def test_what_is_remembered_is_bounded():
    encoder, decoder = BlockEncoder(), hpack.Decoder()
    for number in range(3000):
        line = b"x-%d: v\r\n" % (number // 3)
        assert decoded(encoder, decoder, 200, line)[1] == (b"x-%d" % (number // 3), b"v")
    assert len(encoder._known) <= 256
    assert len(encoder._seen) <= 256


@rows("method", ["GET", "POST", "PATCH", "OPTIONS"])
@rows("scheme", [b"http", b"https"])
def test_every_request_is_encoded(method: str, scheme: bytes) -> None:
    encoder, decoder = BlockEncoder(), hpack.Decoder()
    target = b"/" + b"a" * 300
    for _ in range(3):
        block = encoder.encode_request(method, scheme, b"shop:81", target, b"x-a: 1\r\ntraceparent: 00-1\r\n")
        assert [tuple(each) for each in decoder.decode(block, raw=True)] == [
            (b":method", method.encode()),
            (b":scheme", scheme),
            (b":authority", b"shop:81"),
            (b":path", target),
            (b"x-a", b"1"),
            (b"traceparent", b"00-1"),
        ]


def test_what_comes_once_takes_no_place_in_the_table():
    encoder = BlockEncoder()
    for number in range(600):
        encoder.encode_request("GET", b"http", b"shop", b"/%d" % number, b"traceparent: 00-%d\r\nx-a: 1\r\n" % number)
    assert len(encoder._seen) + len(encoder._known) <= 4


def test_trailers_are_fields_only():
    block = BlockEncoder().encode_trailers(b"grpc-status: 0\r\ngrpc-message: ok\r\n")
    assert [tuple(each) for each in hpack.Decoder().decode(block, raw=True)] == [
        (b"grpc-status", b"0"),
        (b"grpc-message", b"ok"),
    ]
