"""Field sections of messages: what RFC 9113 8.2 asks of each field, and what would be another message in HTTP/1.1."""

from __future__ import annotations

import re
from typing import Final

from portcullis.engine.codes import HEAD_TOO_LARGE, MALFORMED_REQUEST, Code
from portcullis.mounts.http1.errors import ProtocolError
from portcullis.mounts.http1.fields import MAX_FIELDS, SINGLE, VALUE, Fields

FIELD_OVERHEAD: Final = 32
"""Bytes that a field counts beside its name and value (RFC 9113 6.5.2)."""

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]++")
_VALUE = re.compile(VALUE)
# RFC 9113 8.2.2. HTTP2-Settings belongs to the upgrade of RFC 7540, which is no more.
_OF_THE_CONNECTION: Final = frozenset(
    {
        *(b"connection", b"http2-settings", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"),
    }
)


def section_size(block: Fields) -> int:
    """Bytes of the fields as flow control of heads counts them."""
    return sum([len(name) + len(value) for name, value in block]) + FIELD_OVERHEAD * len(block)


def check_fields(fields: Fields, code: Code) -> None:
    """Raise :class:`ProtocolError` with ``code`` for a field that must not be in a section.

    With ``HEAD_TOO_LARGE`` (or ``code``, if that is not a request's) for too many fields.
    """
    if len(fields) > MAX_FIELDS:
        raise ProtocolError(HEAD_TOO_LARGE if code is MALFORMED_REQUEST else code, "There are too many header fields.")
    for name, value in fields:
        if not _NAME.fullmatch(name):
            raise ProtocolError(code, _fault_of_name(name))
        if not _VALUE.fullmatch(value):
            raise ProtocolError(code, "The value of a header field holds a control character.")
        if value[:1] in (b" ", b"\t") or value[-1:] in (b" ", b"\t"):
            raise ProtocolError(code, "The value of a header field begins or ends with a blank.")
        if name in _OF_THE_CONNECTION:
            raise ProtocolError(code, "A header field belongs to connections of HTTP/1.1.")
        if name == b"te" and value.lower() != b"trailers":
            raise ProtocolError(code, "The header field te says something else than trailers.")


def check_trailers(block: Fields, max_bytes: int, code: Code) -> None:
    """Raise :class:`ProtocolError` with ``code`` unless the fields of a block can follow a body.

    No pseudo-fields are among them (RFC 9113 8.1), and none that names the host or frames the message (RFC 9110 6.5.1).
    """
    if section_size(block) > max_bytes:
        raise ProtocolError(code, "The trailers are too long.")
    check_fields(block, code)
    if any(name in SINGLE for name, _ in block):
        raise ProtocolError(code, "A trailer names the host or frames the message.")


def _fault_of_name(name: bytes) -> str:
    if name[:1] == b":":
        return "A pseudo-field comes after other fields, or is a trailer."
    if name != name.lower():
        return "The name of a header field is not lower-case."
    return "The name of a header field is not a token."
