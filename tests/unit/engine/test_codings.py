"""Content codings: taken off exactly, in pieces of any size, and stopped before they flood anything."""

from __future__ import annotations

import gzip
import random
import time
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard
from rows import rows

from portcullis.engine.codings import ALLOWANCE, SUPPORTED, CodingError, decoder

MIB = 1024 * 1024
Encode = Callable[[bytes], bytes]


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(data) + stream.flush()


def quick_brotli(data: bytes) -> bytes:
    return brotli.compress(data, quality=4)


def zstd_with_checksum(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True, write_content_size=False).compress(data)


def zstd_streamed(data: bytes) -> bytes:
    """Blocks as a client sends them that flushes now and then."""
    stream = zstandard.ZstdCompressor().compressobj()
    pieces = [
        stream.compress(data[at : at + 20_000]) + stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        for at in range(0, len(data), 20_000)
    ]
    return b"".join(pieces) + stream.flush()


ENCODERS: list[tuple[bytes, Encode]] = [
    (b"gzip", gzip.compress),
    (b"x-gzip", gzip.compress),
    (b"GZIP", gzip.compress),
    (b"deflate", zlib.compress),
    (b"deflate", raw_deflate),
    (b"br", quick_brotli),
    (b"zstd", zstandard.ZstdCompressor().compress),
    (b"zstd", zstd_with_checksum),
    (b"zstd", zstd_streamed),
    (b"zstd, identity", zstandard.ZstdCompressor(level=12).compress),
    (b"gzip, br", lambda data: quick_brotli(gzip.compress(data))),
    (b"zstd , deflate", lambda data: zlib.compress(zstandard.compress(data))),
]
SINGLE = [each for each in ENCODERS if b"," not in each[0]]


def decode(coding: bytes, data: bytes, step: int = 0, max_bytes: int = 10 * MIB, max_ratio: int = 100) -> bytes:
    taker = decoder(coding, max_bytes=max_bytes, max_ratio=max_ratio)
    assert taker is not None
    step = step or len(data) or 1
    pieces = [taker.feed(data[at : at + step]) for at in range(0, len(data), step)]
    return b"".join([*pieces, taker.end()])


def fault(coding: bytes, data: bytes, **bounds: int) -> str:
    with pytest.raises(CodingError) as caught:
        decode(coding, data, **bounds)
    return caught.value.fault


@pytest.fixture(scope="module")
def text() -> bytes:
    """More than 100 KiB that compress as text does."""
    chance = random.Random(4)
    words = [bytes(chance.choices(b"abcdefghij", k=chance.randint(2, 9))) for _ in range(500)]
    return b" ".join(chance.choices(words, k=20_000))


@rows(("coding", "encode"), ENCODERS)
def test_what_was_encoded_comes_out_as_it_was(coding: bytes, encode: Encode, text: bytes) -> None:
    encoded = encode(text)
    for step in (0, 4096, 65_537):
        assert decode(coding, encoded, step) == text, step


@rows(("coding", "encode"), ENCODERS)
def test_pieces_may_be_of_one_byte(coding: bytes, encode: Encode) -> None:
    assert decode(coding, encode(b'{"a": [1, 2, 3]}' * 30), 1) == b'{"a": [1, 2, 3]}' * 30


@rows(("coding", "encode"), ENCODERS)
def test_what_cannot_be_compressed_passes_too(coding: bytes, encode: Encode) -> None:
    noise = random.Random(5).randbytes(100_000)
    assert decode(coding, encode(noise), 30_000) == noise


@rows(("coding", "encode"), ENCODERS)
def test_an_empty_body_may_be_encoded(coding: bytes, encode: Encode) -> None:
    assert decode(coding, encode(b"")) == b""


@rows(("coding", "encode"), SINGLE)
def test_what_is_cut_short_is_malformed(coding: bytes, encode: Encode) -> None:
    whole = encode(b"some text, and then some more of it" * 10)
    for length in range(len(whole)):
        assert fault(coding, whole[:length]) == "malformed", length


@rows(("coding", "encode"), SINGLE)
def test_what_follows_the_end_is_malformed(coding: bytes, encode: Encode) -> None:
    whole = encode(b"some text")
    for more in (b"x", b"\0", b"more of something else"):
        assert fault(coding, whole + more) == "malformed"
        assert fault(coding, whole + more, step=1) == "malformed"


@rows("coding", [b"gzip", b"br", b"zstd", b"deflate"])
def test_garbage_is_malformed(coding: bytes) -> None:
    assert fault(coding, b"\xff" * 50) == "malformed"
    assert fault(coding, b'{"a": 1}' * 10) == "malformed"


def test_a_damaged_checksum_is_malformed() -> None:
    for coding, whole in ((b"gzip", gzip.compress(b"text")), (b"zstd", zstd_with_checksum(b"text"))):
        assert fault(coding, whole[:-1] + bytes([whole[-1] ^ 1])) == "malformed"


def test_members_and_frames_may_follow_one_another() -> None:
    assert decode(b"gzip", gzip.compress(b"one") + gzip.compress(b"two"), 3) == b"onetwo"
    assert decode(b"zstd", zstandard.compress(b"one") + zstd_with_checksum(b"two"), 3) == b"onetwo"


def test_many_parts_that_say_nothing_are_malformed() -> None:
    assert fault(b"gzip", gzip.compress(b"") * 1000) == "malformed"
    assert fault(b"zstd", zstandard.compress(b"") * 5000) == "malformed"


def test_a_skippable_frame_is_malformed() -> None:
    assert fault(b"zstd", b"\x50\x2a\x4d\x18\4\0\0\0abcd" + zstandard.compress(b"x")) == "malformed"


@rows("coding", [None, b"identity", b"Identity", b"identity, identity", b"", b" , "])
def test_without_a_coding_there_is_nothing_to_take_off(coding: bytes | None) -> None:
    assert decoder(coding, max_bytes=1) is None


@rows("coding", [b"compress", b"gzip;q=1", b"gzip br", b"\xff", b"gzip, snappy", b"br, gzip, zstd", b"aes128gcm"])
def test_other_codings_are_not_supported(coding: bytes) -> None:
    with pytest.raises(CodingError) as caught:
        decoder(coding, max_bytes=1)
    assert caught.value.fault == "unsupported"


def test_what_is_supported_is_supported() -> None:
    assert all(decoder(coding.strip(), max_bytes=1) for coding in SUPPORTED.split(b","))


@rows(("coding", "encode"), ENCODERS)
def test_more_than_the_most_is_too_large(coding: bytes, encode: Encode, text: bytes) -> None:
    encoded = encode(text)
    assert decode(coding, encoded, max_bytes=len(text)) == text
    assert fault(coding, encoded, max_bytes=len(text) - 1) == "too_large"


@rows(("coding", "encode"), ENCODERS)
def test_what_grows_too_much_is_a_bomb(coding: bytes, encode: Encode) -> None:
    encoded = encode(bytes(2 * MIB))
    assert fault(coding, encoded, max_bytes=100 * MIB) == "bomb"
    assert fault(coding, encoded, step=100, max_bytes=100 * MIB) == "bomb"


@rows(("coding", "encode"), ENCODERS)
def test_small_bodies_may_compress_well(coding: bytes, encode: Encode) -> None:
    assert decode(coding, encode(bytes(ALLOWANCE))) == bytes(ALLOWANCE)


def zstd_bomb(size: int) -> bytes:
    """Zeros as blocks that say how often one byte stands there: 32,768 times as much as there is."""
    block = ((128 * 1024) << 3 | 1 << 1).to_bytes(3, "little") + b"\0"
    return b"\x28\xb5\x2f\xfd\x00\x58" + block * (size >> 17) + (1).to_bytes(3, "little")


def gzip_bomb(size: int) -> bytes:
    """Zeros in many members, and that once more: what is alike compresses again."""
    return gzip.compress(gzip.compress(bytes(4 * MIB)) * (size // (4 * MIB)))


GIB = 1024 * MIB
BOMBS = [
    (b"zstd", lambda: zstd_bomb(10 * GIB)),
    (b"gzip, gzip", lambda: gzip_bomb(10 * GIB)),
    (b"zstd, zstd", lambda: zstandard.compress(zstd_bomb(10 * GIB))),
    (b"br", lambda: brotli.compress(bytes(20 * MIB), quality=1)),
    (b"gzip", lambda: gzip.compress(bytes(20 * MIB), 1)),
]


@pytest.mark.slow
@rows(("coding", "make"), BOMBS)
def test_a_bomb_is_stopped_before_it_takes_memory_or_time(coding: bytes, make: Callable[[], bytes]) -> None:
    bomb = make()
    tracemalloc.start()
    try:
        began = time.process_time()
        assert fault(coding, bomb, step=65_536, max_bytes=1024 * MIB) == "bomb"
        took = time.process_time() - began
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 24 * MIB
    assert took < 0.5


@pytest.mark.slow
def test_a_flood_after_much_that_was_hard_to_compress_is_stopped() -> None:
    noise = random.Random(6).randbytes(MIB)
    encoded = zstandard.compress(noise) + zstandard.compress(bytes(90 * MIB))
    assert fault(b"zstd", encoded, step=65_536, max_bytes=1024 * MIB) == "bomb"


def test_a_window_that_takes_much_memory_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27)
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    assert fault(b"zstd", stream.compress(b"text") + stream.flush()) == "malformed"
