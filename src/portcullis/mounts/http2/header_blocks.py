"""Header blocks decoded and encoded (RFC 7541), within bounds."""

from __future__ import annotations

from typing import Final

from jh2 import _hazmat  # type: ignore[import-untyped]  # where its own connection takes the codec from

from portcullis.mounts.http2.block_grammar import check_padding, shape
from portcullis.mounts.http2.errors import ConnectionFaultError, ErrorCode

TABLE_BYTES: Final = 4096
"""Of the dynamic table in either direction (SETTINGS_HEADER_TABLE_SIZE begins with it)."""
_KNOWN: Final = 256
"""Lines of heads that are kept, and as many that were seen: they repeat, or they do not."""
_LINE_BYTES: Final = 512
_STATUS: Final = {200: b"\x88", 204: b"\x89", 206: b"\x8a", 304: b"\x8b", 400: b"\x8c", 404: b"\x8d", 500: b"\x8e"}
_NO_STATUS: Final = b"\x08\x03"
"""A literal of the name ``:status``, whose value has three bytes."""
_METHOD: Final = {"GET": b"\x82", "POST": b"\x83"}
_SCHEME: Final = {b"http": b"\x86", b"https": b"\x87"}
_PATH: Final = b"\x04"
"""A literal of the name ``:path``: what it is repeats too rarely to have a place in the table."""
_REQUEST_ID: Final = b"x-request-id: "
_REQUEST_ID_LITERAL: Final = b"\x00\x0cx-request-id\x20"
_TRACE: Final = b"traceparent: "
_SECRET: Final = frozenset({b"authorization", b"cookie", b"set-cookie"})


class BlockDecoder:
    """Decodes a peer's header blocks. ``limit``: bytes of names and values of one block beyond which it gives up."""

    __slots__ = ("_decoder",)

    def __init__(self, limit: int) -> None:
        self._decoder = _hazmat.Decoder(limit)

    def decode(self, block: bytes) -> tuple[list[tuple[bytes, bytes]], bool]:
        """The fields of ``block``, and whether the same bytes would now mean the same again.

        Raises :class:`ConnectionFaultError`: after a block that was not decoded the tables of both sides differ.
        """
        outline = shape(block)
        try:
            fields = [(name, value) for name, value, _ in self._decoder.decode(block, True)]
        except _hazmat.OversizedHeaderListError:
            raise ConnectionFaultError(ErrorCode.ENHANCE_YOUR_CALM, "A header block is much too large.") from None
        except _hazmat.HPACKError:
            raise ConnectionFaultError(ErrorCode.COMPRESSION_ERROR, "A header block can't be decoded.") from None
        if outline.huffman:
            check_padding(block, outline, fields)
        return fields, not outline.changes_table


class BlockEncoder:
    """Encodes heads from fields that are rendered as for HTTP/1.1 (``name: value`` and CR LF, each).

    A line that comes again goes into the table; one that comes once would only push out what repeats. What lines are
    encoded to is kept until the table changes: a head of seven fields then takes a quarter of the time.
    """

    __slots__ = ("_encoder", "_known", "_pending", "_seen", "_size")

    def __init__(self) -> None:
        self._encoder = _hazmat.Encoder()
        self._known: dict[bytes, bytes] = {}
        self._seen: set[bytes] = set()
        self._pending = b""
        self._size = TABLE_BYTES

    def resize(self, size: int) -> None:
        """The peer's table has at most ``size`` bytes; we use no more than ``TABLE_BYTES`` of it.

        The next block empties it, and says how large it is from then on (RFC 7541 4.2, 6.3).
        """
        size = min(size, TABLE_BYTES)
        if size == self._size:
            return
        self._size = size
        self._encoder = _hazmat.Encoder()
        self._encoder.header_table_size = size
        self._encoder.encode([])  # which would announce the size in the middle of the next block
        self._pending = b"\x20" + _integer(size, 0x20, 0x1F)
        self._known.clear()
        self._seen.clear()

    def encode(self, status: int, fields: bytes) -> bytes:
        """The block of an answer's head."""
        return self._encode_lines(_STATUS.get(status) or b"%b%d" % (_NO_STATUS, status), fields)

    def encode_request(self, method: str, scheme: bytes, host: bytes, target: bytes, fields: bytes) -> bytes:
        """The block of a request's head."""
        authority = b":authority: " + host
        pseudo = b"".join(
            (
                _METHOD.get(method) or _literal(0x00, b":method", method.encode()),
                _SCHEME[scheme],
                self._known.get(authority) or self._encode(authority),
                _PATH,
                _integer(len(target), 0, 0x7F),
                target,
            )
        )
        return self._encode_lines(pseudo, fields)

    def encode_trailers(self, fields: bytes) -> bytes:
        """The block of trailers."""
        return self._encode_lines(b"", fields)

    def _encode_lines(self, first: bytes, fields: bytes) -> bytes:
        pieces = [self._pending, first]
        self._pending = b""
        known = self._known
        for line in fields.split(b"\r\n"):
            if line.startswith(_REQUEST_ID) and len(line) == len(_REQUEST_ID) + 32:
                pieces.append(_REQUEST_ID_LITERAL + line[len(_REQUEST_ID) :])
            elif line.startswith(_TRACE):
                pieces.append(_literal(0x00, b"traceparent", line[len(_TRACE) :]))
            elif line:
                pieces.append(known.get(line) or self._encode(line))
        return b"".join(pieces)

    def _encode(self, line: bytes) -> bytes:
        name, _, value = line.partition(b": ")
        name = name.lower()  # RFC 9113 8.2: to a peer others are malformed
        if name in _SECRET or len(line) > _LINE_BYTES:
            return _literal(0x10, name, value)
        if line not in self._seen:
            if len(self._seen) >= _KNOWN:
                self._seen.clear()
            self._seen.add(line)
            return _literal(0x00, name, value)
        encoded: bytes = self._encoder.encode([(name, value, False)])
        if shape(encoded).changes_table:
            self._known.clear()
        else:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[line] = encoded
        return encoded


def _literal(kind: int, name: bytes, value: bytes) -> bytes:
    """A field that stays out of the table: 0x00, or 0x10 for one that no table on the way may hold (RFC 7541 6.2)."""
    return b"".join((bytes((kind,)), _integer(len(name), 0, 0x7F), name, _integer(len(value), 0, 0x7F), value))


def _integer(value: int, kind: int, mask: int) -> bytes:
    """An integer (RFC 7541 5.1) after the bits of ``kind``."""
    if value < mask:
        return bytes((kind | value,))
    octets = bytearray((kind | mask,))
    value -= mask
    while value >= 0x80:
        octets.append(value & 0x7F | 0x80)
        value >>= 7
    octets.append(value)
    return bytes(octets)
