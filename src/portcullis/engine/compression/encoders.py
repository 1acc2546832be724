"""Encoders of content codings (RFC 9110 8.4.1) for answers that are sent while they come.

Levels and windows are such that an answer costs some 10 us for each KiB at most, and an encoder some 560 KiB while it
lives.
"""

from __future__ import annotations

import zlib
from typing import Final, Protocol

import brotli  # type: ignore[import-untyped]
import zstandard

GZIP_LEVEL: Final = 5
BROTLI_QUALITY: Final = 4
BROTLI_WINDOW: Final = 17
ZSTD_LEVEL: Final = 3
ZSTD_WINDOW: Final = 17


class Encoder(Protocol):
    """Encodes one body."""

    def encode(self, data: bytes) -> bytes:
        """What ``data`` becomes, whole: a client that has got it can read all of ``data``."""

    def finish(self, data: bytes) -> bytes:
        """What ``data``, the last of the body, becomes."""


def encoder(coding: bytes) -> Encoder:
    """A new encoder. Raises ``KeyError`` for a coding that there is none of."""
    return _ENCODERS[coding]()


class _Gzip:
    """RFC 1952."""

    __slots__ = ("_stream",)

    def __init__(self) -> None:
        self._stream = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 31)

    def encode(self, data: bytes) -> bytes:
        return self._stream.compress(data) + self._stream.flush(zlib.Z_SYNC_FLUSH)

    def finish(self, data: bytes) -> bytes:
        return self._stream.compress(data) + self._stream.flush()


class _Brotli:
    """RFC 7932."""

    __slots__ = ("_stream",)

    def __init__(self) -> None:
        self._stream = brotli.Compressor(quality=BROTLI_QUALITY, lgwin=BROTLI_WINDOW)

    def encode(self, data: bytes) -> bytes:
        return bytes(self._stream.process(data) + self._stream.flush())

    def finish(self, data: bytes) -> bytes:
        return bytes(self._stream.process(data) + self._stream.finish())


class _Zstd:
    """RFC 8878."""

    __slots__ = ("_stream",)

    _parameters: Final = zstandard.ZstdCompressionParameters.from_level(ZSTD_LEVEL, window_log=ZSTD_WINDOW)

    def __init__(self) -> None:
        self._stream = zstandard.ZstdCompressor(compression_params=self._parameters).compressobj()

    def encode(self, data: bytes) -> bytes:
        return self._stream.compress(data) + self._stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    def finish(self, data: bytes) -> bytes:
        return self._stream.compress(data) + self._stream.flush()


_ENCODERS: Final[dict[bytes, type[Encoder]]] = {b"gzip": _Gzip, b"br": _Brotli, b"zstd": _Zstd}
