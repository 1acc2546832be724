"""Content codings of bodies (RFC 9110 8.4), taken off piece by piece and within bounds.

What is compressed grows by an amount that its author chooses: ten kilobytes may stand for ten gigabytes. So a decoder
hands out what a piece becomes in portions, which are counted as they come: at the first one too many it stops, and
whatever the rest would have become is never made.

    feed  ->  decoder of the coding applied last  ->  ...  ->  decoder of the coding applied first  ->  decoded bytes

Three bounds hold, for the whole message and for each of its codings: ``max_bytes``; ``max_ratio`` times what was sent,
and :data:`ALLOWANCE` on top, so that small bodies may compress well; and the same ratio, with :data:`BURST` on top, for
each piece, so that a long message that was hard to compress earns nobody a flood in its last piece.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Final, Literal, Protocol

import brotli  # type: ignore[import-untyped]
import zstandard

Fault = Literal["unsupported", "malformed", "too_large", "bomb"]

SUPPORTED: Final = b"gzip, deflate, br, zstd"
"""The codings that can be taken off, as the value of an Accept-Encoding field."""

MAX_CODINGS: Final = 2
"""Codings of one message, one upon the other; more than one is hardly ever seen, and never for a good reason."""

ALLOWANCE: Final = 64 * 1024
MAX_RATIO: Final = 100
"""Decoded bytes for each encoded one, where nothing else is said."""
BURST: Final = 1024 * 1024
_PORTION: Final = 256 * 1024
_ZSTD_WINDOW: Final = 8 * 1024 * 1024  # RFC 9659: what a decoder of this content coding has to support, and no more


class CodingError(ValueError):
    """A body can't be decoded; the text is a sentence for its author.

    ``fault``: ``unsupported`` (a coding that is not known, or too many), ``malformed`` (not what the coding says),
    ``too_large`` (more than ``max_bytes``) or ``bomb`` (grows beyond the ratio).
    """

    def __init__(self, fault: Fault, sentence: str) -> None:
        super().__init__(sentence)
        self.fault: Fault = fault


def decoder(coding: bytes | None, *, max_bytes: int, max_ratio: int = MAX_RATIO) -> Decoder | None:
    """What takes the codings of a message off, whose Content-Encoding is ``coding``; ``None`` if there are none.

    ``max_bytes``: of what is decoded; ``max_ratio``: decoded bytes for each encoded one. Raises :class:`CodingError`
    where a coding is not known.
    """
    if coding is None or coding == b"identity":
        return None
    names = [name for each in coding.lower().split(b",") if (name := each.strip(b" \t")) and name != b"identity"]
    if len(names) > MAX_CODINGS:
        raise CodingError("unsupported", f"At most {MAX_CODINGS} content codings are taken.")
    layers: list[_Layer] = []
    for name in reversed(names):
        if name not in _LAYERS:
            raise CodingError("unsupported", f"The content coding must be one of {SUPPORTED.decode()}.")
        layers.append(_LAYERS[name]())
    return Decoder(layers, max_bytes, max_ratio) if layers else None


class _Layer(Protocol):
    """One coding. ``decode`` raises ``ValueError`` for what is not of it, ``finished``: nothing may be missing."""

    def decode(self, data: bytes) -> Iterator[bytes]:
        """What ``data`` becomes, in portions of bounded size."""

    @property
    def finished(self) -> bool:
        """Whether all that was begun has ended."""


class Decoder:
    """Takes the codings of one message off. Raises :class:`CodingError` as soon as something is wrong with it."""

    __slots__ = ("_decoded", "_encoded", "_layers", "_max_bytes", "_max_ratio")

    def __init__(self, layers: list[_Layer], max_bytes: int, max_ratio: int) -> None:
        self._layers = layers
        self._max_bytes = max_bytes
        self._max_ratio = max_ratio
        self._encoded = 0
        self._decoded = [0] * len(layers)

    def feed(self, data: bytes) -> bytes:
        """What ``data``, the next piece of the message, becomes; perhaps nothing yet."""
        self._encoded += len(data)
        ratio = self._max_ratio
        most = min(self._max_bytes, ratio * self._encoded + ALLOWANCE)
        # What this piece may become, over all that was decoded before.
        burst = ratio * len(data) + BURST
        pieces = [data]
        for index, layer in enumerate(self._layers):
            before = decoded = self._decoded[index]
            bound = min(most, before + burst)
            portions: list[bytes] = []
            try:
                for piece in pieces:
                    for portion in layer.decode(piece):
                        decoded += len(portion)
                        if decoded > bound:
                            raise self._excess(decoded)
                        portions.append(portion)
            except (zlib.error, brotli.error, zstandard.ZstdError):
                raise _malformed() from None
            self._decoded[index] = decoded
            pieces = portions
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def end(self) -> bytes:
        """What is left, when the message has ended. Raises :class:`CodingError` if it was cut short."""
        if not all(layer.finished for layer in self._layers):
            raise CodingError("malformed", "The encoded body is cut short.")
        return b""

    def _excess(self, decoded: int) -> CodingError:
        if decoded > self._max_bytes:
            return CodingError("too_large", f"The body may have at most {self._max_bytes} bytes when it is decoded.")
        return CodingError("bomb", f"The body grows to more than {self._max_ratio} times its size when it is decoded.")


def _malformed() -> CodingError:
    return CodingError("malformed", "The body is not what its content coding says.")


def _too_many_parts() -> CodingError:
    return CodingError("malformed", "The encoded body consists of too many parts.")


class _Gzip:
    """RFC 1952: any number of members, each decoded after the other."""

    _MEMBER: Final = 512  # bytes that members must have on average: a message of empty ones would only cost time
    _MEMBERS: Final = 16

    __slots__ = ("_member", "_members", "_seen")

    def __init__(self) -> None:
        self._member: zlib._Decompress | None = None
        self._members = 0
        self._seen = 0

    def decode(self, data: bytes) -> Iterator[bytes]:
        self._seen += len(data)
        while data:
            if self._member is None:
                self._members += 1
                if self._members > self._MEMBERS + self._seen // self._MEMBER:
                    raise _too_many_parts()
                self._member = zlib.decompressobj(wbits=31)
            member = self._member
            yield member.decompress(data, _PORTION)
            data = member.unconsumed_tail
            # Output may wait inside after all input is taken.
            while not member.eof and not data and (more := member.decompress(b"", _PORTION)):
                yield more
            if member.eof:
                data = member.unused_data
                self._member = None

    @property
    def finished(self) -> bool:
        return self._member is None and self._members > 0


class _Deflate:
    """The coding ``deflate``: RFC 1950 as it should be, or RFC 1951 as some write it (RFC 9110 8.4.1.2)."""

    __slots__ = ("_first", "_stream")

    def __init__(self) -> None:
        self._stream: zlib._Decompress | None = None
        self._first = b""

    def decode(self, data: bytes) -> Iterator[bytes]:
        if self._stream is None:
            data = self._first + data
            if len(data) < 2:
                self._first = data
                return
            self._stream = zlib.decompressobj(wbits=15 if _is_zlib(data) else -15)
        stream = self._stream
        if stream.eof and data:
            raise _malformed()
        while data:
            yield stream.decompress(data, _PORTION)
            data = stream.unconsumed_tail
            while not stream.eof and not data and (more := stream.decompress(b"", _PORTION)):
                yield more
            if stream.unused_data:
                raise _malformed()

    @property
    def finished(self) -> bool:
        return self._stream is not None and self._stream.eof


def _is_zlib(data: bytes) -> bool:
    """Whether ``data`` begins with a header of RFC 1950 2.2."""
    return data[0] & 0x0F == 8 and data[0] >> 4 <= 7 and (data[0] << 8 | data[1]) % 31 == 0


class _Brotli:
    """RFC 7932."""

    __slots__ = ("_stream",)

    def __init__(self) -> None:
        self._stream = brotli.Decompressor()

    def decode(self, data: bytes) -> Iterator[bytes]:
        stream = self._stream
        if stream.is_finished():
            raise _malformed()
        portion = stream.process(data, output_buffer_limit=_PORTION)
        yield portion
        # Output may wait inside after all input is taken, and the stream has not ended before it is out.
        while portion and not stream.is_finished():
            portion = stream.process(b"", output_buffer_limit=_PORTION)
            yield portion

    @property
    def finished(self) -> bool:
        return bool(self._stream.is_finished())


class _Zstd:
    """RFC 8878: frames one after the other, without dictionaries; skippable frames are refused.

    The library decodes as much as it is given. A block becomes at most 128 KiB, however little it is made of, so it is
    given block by block: the headers of frames and blocks say where each ends.
    """

    _BLOCK: Final = 64  # bytes that blocks must have on average, but for the first
    _BLOCKS: Final = 1_000
    _MAGIC: Final = b"\x28\xb5\x2f\xfd"
    _DESCRIPTOR: Final = 5  # bytes up to the one that says how long the header of a frame is
    _BLOCK_HEADER: Final = 3
    _CHECKSUM: Final = 4

    __slots__ = ("_blocks", "_checked", "_frame", "_held", "_last", "_seen", "_take", "_wanted")

    def __init__(self) -> None:
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._held = b""
        self._seen = 0
        self._blocks = 0
        self._checked = self._last = False  # of the frame: whether it ends with a checksum; of the block
        self._wanted = self._DESCRIPTOR
        self._take: Callable[[bytes], bytes | None] = self._take_descriptor

    def decode(self, data: bytes) -> Iterator[bytes]:
        self._seen += len(data)
        data = self._held + data
        at = 0
        while (end := at + self._wanted) <= len(data):
            portion = self._take(data[at:end])
            if portion is not None:  # else only more is wanted: what comes next begins at the same place
                at = end
                yield portion
        self._held = data[at:]

    def _expect(self, wanted: int, take: Callable[[bytes], bytes | None]) -> None:
        """Go on with ``take``, when ``wanted`` bytes are there."""
        self._wanted, self._take = wanted, take

    def _take_descriptor(self, start: bytes) -> None:
        if not start.startswith(self._MAGIC):
            raise _malformed()
        descriptor = start[4]  # RFC 8878 3.1.1.1.1
        single = descriptor >> 5 & 1
        content_size = (single, 2, 4, 8)[descriptor >> 6]
        dictionary = (0, 1, 2, 4)[descriptor & 3]
        self._checked = bool(descriptor & 4)
        self._expect(self._DESCRIPTOR + (1 - single) + dictionary + content_size, self._take_frame_header)

    def _take_frame_header(self, header: bytes) -> bytes:
        self._frame = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()
        self._expect(self._BLOCK_HEADER, self._take_block_header)
        return self._frame.decompress(header)

    def _take_block_header(self, header: bytes) -> None:
        self._blocks += 1
        if self._blocks > self._BLOCKS + self._seen // self._BLOCK:
            raise _too_many_parts()
        number = int.from_bytes(header, "little")  # RFC 8878 3.1.1.2
        self._last = bool(number & 1)
        kind, size = number >> 1 & 3, number >> 3
        if kind == 3 or size > 128 * 1024:
            raise _malformed()
        self._expect(self._BLOCK_HEADER + (1 if kind == 1 else size), self._take_block)

    def _take_block(self, block: bytes) -> bytes:
        assert self._frame is not None
        portion = self._frame.decompress(block)
        if not self._last:
            self._expect(self._BLOCK_HEADER, self._take_block_header)
        elif self._checked:
            self._expect(self._CHECKSUM, self._take_checksum)
        else:
            self._finish_frame()
        return portion

    def _take_checksum(self, checksum: bytes) -> bytes:
        assert self._frame is not None
        portion = self._frame.decompress(checksum)
        self._finish_frame()
        return portion

    def _finish_frame(self) -> None:
        self._frame = None
        self._expect(self._DESCRIPTOR, self._take_descriptor)

    @property
    def finished(self) -> bool:
        return self._frame is None and not self._held and self._blocks > 0


_LAYERS: Final[dict[bytes, type[_Layer]]] = {
    b"gzip": _Gzip,
    b"x-gzip": _Gzip,  # RFC 9110 8.4.1.3
    b"deflate": _Deflate,
    b"br": _Brotli,
    b"zstd": _Zstd,
}
