"""Field sections: the header fields of requests and responses, and the trailers of chunked bodies (RFC 9112 5)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from portcullis.engine.codes import HEAD_TOO_LARGE, MALFORMED_REQUEST, Code
from portcullis.mounts.http1.errors import ProtocolError

Fields = list[tuple[bytes, bytes]]

CR: Final = 0x0D
LF: Final = 0x0A

# Apache, Node.js and hyper stop between 100 and 2,000 fields; browsers send about 30.
MAX_FIELDS: Final = 128

NAME: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
VALUE: Final = rb"[\t\x20-\x7e\x80-\xff]*+"
# A section without blanks at the end of a line is split by a cheaper expression than one with; few have them.
_LINES = re.compile(rb"((?:%b:%b(?<![\t ])\r\n){0,%d})(\r\n)?" % (NAME, VALUE, MAX_FIELDS))
_PADDED_LINES = re.compile(rb"((?:%b:%b\r\n){0,%d})(\r\n)?" % (NAME, VALUE, MAX_FIELDS))
_SPLIT = re.compile(rb"([^:]++):[\t ]*+([^\r]*+)\r\n")
_PADDED_SPLIT = re.compile(rb"([^:]++):[\t ]*+([^\r\t ]*+(?:[\t ]++[^\r\t ]++)*)[\t ]*+\r\n")
_BEGUN_LINE = re.compile(rb"(?:\r|%b(?::%b\r?)?)?" % (NAME, VALUE))
_TOKEN = re.compile(NAME)

# Of these a message has one or none, whatever its values: two are how a request is smuggled (RFC 9112 3.2, 6.3).
SINGLE: Final = frozenset({b"host", b"content-length", b"transfer-encoding"})

_COMMON_OPTIONS: Final[dict[bytes, tuple[bytes, ...]]] = {
    value: (value.lower(),) for value in (b"keep-alive", b"Keep-Alive", b"close", b"Close", b"upgrade", b"Upgrade")
}


def parse_fields(data: bytes, start: int, limit: int, code: Code) -> tuple[Fields, int] | None:
    """The field section that begins at ``start``, and where it ends; ``None`` if its end is still to come.

    Names are lower-case, values without the blanks around them; order of arrival is kept. Only ``limit`` bytes of
    ``data`` are looked at. Raises :class:`ProtocolError` with ``code`` for what no section can begin with, and with
    ``HEAD_TOO_LARGE`` (or ``code``, if that is not a request's) for too many fields.
    """
    match = _LINES.match(data, start, limit)
    assert match is not None  # the expression matches nothing as well
    lines, end = match.groups()
    if end is None:
        return _parse_unusual(data, start, limit, code)
    return [(name.lower(), value) for name, value in _SPLIT.findall(lines)], match.end()


def _parse_unusual(data: bytes, start: int, limit: int, code: Code) -> tuple[Fields, int] | None:
    """As :func:`parse_fields`, for a section that is not whole, malformed, or has blanks at the end of a line."""
    match = _PADDED_LINES.match(data, start, limit)
    assert match is not None  # the expression matches nothing as well
    lines, end = match.groups()
    if end is None:
        _refuse_line(data[match.end() : limit], lines, code)
        return None
    return [(name.lower(), value) for name, value in _PADDED_SPLIT.findall(lines)], match.end()


def _refuse_line(line: bytes, before: bytes, code: Code) -> None:
    """Raise if no field line and no end of the section can begin with ``line``; ``before`` are the good lines."""
    begun = _BEGUN_LINE.match(line)
    end = 0 if begun is None else begun.end()
    if end and line[0] != CR and before.count(b"\n") >= MAX_FIELDS:
        raise ProtocolError(HEAD_TOO_LARGE if code is MALFORMED_REQUEST else code, "There are too many header fields.")
    if end < len(line):
        raise ProtocolError(code, _fault(line, end))


def _fault(line: bytes, at: int) -> str:
    """What is wrong with the first byte of ``line`` that cannot stand where it does."""
    if at and line[at - 1] == CR:
        return "A CR is not followed by LF."
    if line[at] == LF:
        return "A line ends in a bare LF."
    if b":" in line[:at]:
        return "The value of a header field holds a control character."
    is_blank = line[at] in b" \t"
    if at == 0:
        return "A header field is folded, or begins with a blank." if is_blank else "A header field has no proper name."
    return "A header field has a blank before its colon." if is_blank else "The name of a header field is not a token."


def by_name(fields: Fields, code: Code) -> dict[bytes, bytes]:
    """The fields by name, repeated ones joined with ``", "`` (RFC 9110 5.3).

    Raises :class:`ProtocolError` with ``code`` if one that decides about host or framing is repeated.
    """
    headers = dict(fields)
    if len(headers) == len(fields):
        return headers
    values: dict[bytes, list[bytes]] = {}
    for name, value in fields:
        values.setdefault(name, []).append(value)
    for name in SINGLE:
        if len(values.get(name, ())) > 1:
            raise ProtocolError(code, f"The header field {name.decode()} is given more than once.")
    return {name: b", ".join(given) for name, given in values.items()}


def connection_options(value: bytes, code: Code) -> Sequence[bytes]:
    """The options of a Connection field, lower-case (RFC 9110 7.6.1). Raises :class:`ProtocolError` with ``code``."""
    known = _COMMON_OPTIONS.get(value)
    if known is not None:
        return known
    if value.count(b",") > MAX_FIELDS:
        raise ProtocolError(code, "The header field connection is too long.")
    options = [option for item in value.split(b",") if (option := item.strip(b"\t ").lower())]
    if not all(map(_TOKEN.fullmatch, options)):
        raise ProtocolError(code, "The header field connection is not a list of tokens.")
    return options


def content_length(value: bytes, code: Code) -> int:
    """The bytes that a Content-Length announces. Raises :class:`ProtocolError` with ``code``.

    One number of ASCII digits only: RFC 9112 6.3 lets a recipient accept a list of equal ones, and not all do. With
    18 digits it fits 64 bits wherever it is read.
    """
    if value.isdigit() and len(value) <= 18:
        return int(value)
    raise ProtocolError(code, "The content-length is not one decimal number of at most 18 digits.")


def check_transfer_encoding(headers: Mapping[bytes, bytes], minor: int, code: Code) -> None:
    """Raise :class:`ProtocolError` with ``code`` unless the Transfer-Encoding that is there frames the message alone.

    RFC 9112 6.1: a message with both Transfer-Encoding and Content-Length, or with a Transfer-Encoding in HTTP/1.0,
    has been tampered with or smuggles. Other codings are not asked for, and not understood.
    """
    if headers[b"transfer-encoding"].lower() != b"chunked":
        raise ProtocolError(code, "The only transfer-encoding understood is chunked.")
    if b"content-length" in headers:
        raise ProtocolError(code, "There are both a transfer-encoding and a content-length.")
    if minor == 0:
        raise ProtocolError(code, "HTTP/1.0 has no transfer-encoding.")
