"""The grammar of header blocks (RFC 7541 6): looked at before anything is decoded.

``jh2`` decodes what is right; what is cut short makes it panic, and it lets pass what the standard calls an error:
a change of the table's size in the middle, and padding of Huffman codes that is not theirs.
"""

from __future__ import annotations

from typing import Final

import msgspec

from portcullis.mounts.http2.errors import ConnectionFaultError, ErrorCode

_MOST_OCTETS: Final = 4
"""After its first one an integer has at most as many: 28 bits, where the longest string here has 20."""
_MOST_SIZE_CHANGES: Final = 2
"""An encoder whose table has shrunk and grown since the last block says both (RFC 7541 4.2)."""
_INDEXED, _INDEXING, _SIZE_CHANGE = 0x80, 0x40, 0x20


class Shape(msgspec.Struct, frozen=True, gc=False):
    """What a block's outline says.

    ``changes_table``: decoding it changes the dynamic table, so the same bytes may mean something else afterwards;
    ``huffman``: where a Huffman string stands: the field's number, whether it is the value, the string's bounds.
    """

    changes_table: bool
    huffman: list[tuple[int, bool, int, int]]


def shape(block: bytes) -> Shape:
    """The outline of ``block``. Raises :class:`ConnectionFaultError` (``COMPRESSION_ERROR``) if it has none."""
    at, end, number, size_changes = 0, len(block), 0, 0
    changes_table = False
    huffman: list[tuple[int, bool, int, int]] = []
    while at < end:
        first = block[at]
        if first >= _INDEXED:
            if first == 0xFF:
                _, at = _integer(block, at, 0x7F)
            else:
                at += 1
            number += 1
            continue
        if first >= _INDEXING:
            changes_table = True
            index, at = _integer(block, at, 0x3F)
        elif first >= _SIZE_CHANGE:
            size_changes += 1
            if number or size_changes > _MOST_SIZE_CHANGES:
                raise _fault("The size of the table is changed in the middle of a header block.")
            changes_table = True
            _, at = _integer(block, at, 0x1F)
            continue
        else:
            index, at = _integer(block, at, 0x0F)
        if not index:
            at = _string(block, at, number, huffman, is_value=False)
        at = _string(block, at, number, huffman, is_value=True)
        number += 1
    return Shape(changes_table, huffman)


def check_padding(block: bytes, outline: Shape, fields: list[tuple[bytes, bytes]]) -> None:
    """Raise :class:`ConnectionFaultError` if a Huffman string ends in anything but the ones that fill its last byte.

    RFC 7541 5.2. ``fields``: what ``block`` was decoded to.
    """
    for number, is_value, start, end in outline.huffman:
        bits = sum(fields[number][is_value].translate(_CODE_BITS))
        padding = -bits % 8
        if end - start != (bits + 7) // 8 or (padding and ~block[end - 1] & ((1 << padding) - 1)):
            raise _fault("A Huffman code is not padded as it has to be.")


def _string(block: bytes, at: int, number: int, huffman: list[tuple[int, bool, int, int]], *, is_value: bool) -> int:
    """Where the string ends that begins at ``at``."""
    if at >= len(block):
        raise _fault("A header block is cut short.")
    is_huffman = block[at] & 0x80
    length, at = _integer(block, at, 0x7F)
    end = at + length
    if end > len(block):
        raise _fault("A header block is cut short.")
    if is_huffman:
        huffman.append((number, is_value, at, end))
    return end


def _integer(block: bytes, at: int, mask: int) -> tuple[int, int]:
    """The integer (RFC 7541 5.1) whose first byte is at ``at``, and where it ends."""
    value = block[at] & mask
    at += 1
    if value < mask:
        return value, at
    for shift in range(0, 7 * _MOST_OCTETS, 7):
        if at >= len(block):
            raise _fault("A header block is cut short.")
        octet = block[at]
        at += 1
        value += (octet & 0x7F) << shift
        if octet < 0x80:
            return value, at
    raise _fault("An integer in a header block is too long.")


def _fault(detail: str) -> ConnectionFaultError:
    return ConnectionFaultError(ErrorCode.COMPRESSION_ERROR, detail)


# RFC 7541 B: the bits of each byte's code.
_CODE_BITS: Final = bytes.fromhex(
    "0d171c1c1c1c1c1c1c181e1c1c1e1c1c1c1c1c1c1c1c1e1c1c1c1c1c1c1c1c1c"
    "060a0a0c0d06080b0a0a080b080606060505050606060606060607080f060c0a"
    "0d06070707070707070707070707070707070707070707070807080d130d0e06"
    "0f05060506050606060507070606060506070605050607070707070f0b0e0d1c"
    "1416141416161617161717171717181718181617181717171715161716171718"
    "1615141616171715171616181516171715151615171617171416161617161617"
    "1a1a1413161716191a1a1a1b1b1a181913151a1b1b1a1b1815151a1a1c1b1b1b"
    "14181415161515171616191918181a171a1b1a1a1b1b1b1b1b1c1b1b1b1b1b1a"
)
