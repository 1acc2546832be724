"""Request heads: what RFC 9113 8 asks of one, and what keeps it the same request once it is written as HTTP/1.1.

The fields of a block are looked at by the same grammar as those of HTTP/1.1, byte for byte, so that no value can end a
line or begin another message. What frames a message or a connection there (``transfer-encoding``, ``connection`` and
its kin) does not exist here. The host is one, whether ``:authority`` or ``host`` names it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from portcullis.engine.codes import HEAD_TOO_LARGE, MALFORMED_REQUEST, MALFORMED_TARGET, TARGET_TOO_LONG
from portcullis.engine.target import TargetError, parse_host
from portcullis.mounts.http1.errors import ProtocolError
from portcullis.mounts.http1.fields import Fields, by_name, content_length
from portcullis.mounts.http1.request_head import MAX_TARGET
from portcullis.mounts.http2.field_sections import check_fields, section_size

_METHOD = re.compile(rb"[A-Z]{1,24}+")
_TARGET = re.compile(rb"[!-~]++")
_PSEUDO: Final = frozenset({b":method", b":scheme", b":authority", b":path"})


class RequestHead(msgspec.Struct, frozen=True, gc=False):
    """The head of one request.

    Attributes:
        method: as sent, upper-case.
        target: an absolute path with perhaps a query.
        scheme: ``http`` or ``https``, as the client says.
        host: lower-case host without port.
        fields: all header fields in order of arrival, ``host`` first, cookies in one.
        headers: the same by name, repeated ones joined with ``", "``.
        content_length: bytes of body that are announced, ``None`` if none are.
        size: bytes of the fields as flow control of heads counts them.
        given: the fields as they were in the block, pseudo-fields left out.

    """

    method: str
    target: str
    scheme: str
    host: str
    fields: Fields
    headers: Mapping[bytes, bytes]
    content_length: int | None
    size: int
    given: Fields


def read_request_head(block: Fields, max_bytes: int, previous: RequestHead | None = None) -> RequestHead:
    """The head that the fields of a block are; at most ``max_bytes`` with 32 for each field.

    ``previous`` may be the head of another request on this connection: where the same fields come again, all but the
    pseudo-fields is taken from there, with the same outcome. Raises :class:`ProtocolError`.
    """
    size = section_size(block)
    if size > max_bytes:
        raise ProtocolError(
            HEAD_TOO_LARGE, f"A request head has at most {max_bytes} bytes here, and 32 for each field."
        )
    pseudo: dict[bytes, bytes] = {}
    for name, value in block:
        if name[:1] != b":":
            break
        if name in pseudo or name not in _PSEUDO:
            raise _malformed("A pseudo-field is given twice, or is not one of a request.")
        pseudo[name] = value
    given = block[len(pseudo) :]
    method = _method(pseudo)
    target = _target(pseudo)
    scheme = pseudo.get(b":scheme")
    if scheme not in (b"http", b"https"):
        raise _malformed("A request has the :scheme http or https.")
    authority = pseudo.get(b":authority")
    if previous is not None and given == previous.given and authority == previous.headers[b"host"]:
        return RequestHead(
            method,
            target,
            scheme.decode(),
            previous.host,
            previous.fields,
            previous.headers,
            previous.content_length,
            size,
            previous.given,
        )
    check_fields(given, MALFORMED_REQUEST)
    fields, headers, host = _with_host(given, authority)
    announced = headers.get(b"content-length")
    return RequestHead(
        method,
        target,
        scheme.decode(),
        host,
        fields,
        headers,
        None if announced is None else content_length(announced, MALFORMED_REQUEST),
        size,
        given,
    )


def _method(pseudo: Mapping[bytes, bytes]) -> str:
    method = pseudo.get(b":method", b"")
    if not _METHOD.fullmatch(method):
        raise _malformed("The request has no upper-case :method.")
    if method == b"CONNECT":
        raise _malformed("Tunnels are not offered here.")
    return method.decode("ascii")


def _target(pseudo: Mapping[bytes, bytes]) -> str:
    path = pseudo.get(b":path", b"")
    if len(path) > MAX_TARGET:
        raise ProtocolError(TARGET_TOO_LONG, f"A request target has at most {MAX_TARGET} bytes here.")
    if not _TARGET.fullmatch(path):
        raise _malformed("The :path is missing, or holds a character that must be percent-encoded.")
    if path[:1] != b"/":
        raise ProtocolError(MALFORMED_TARGET, "The :path does not begin with a slash.")
    return path.decode("ascii")


def _with_host(given: Fields, authority: bytes | None) -> tuple[Fields, Mapping[bytes, bytes], str]:
    """All fields with one ``host`` and one ``cookie``, the same by name, and the host (RFC 9113 8.2.3, 8.3.1)."""
    headers = by_name(given, MALFORMED_REQUEST)
    named = headers.get(b"host")
    if authority is None:
        authority = named
    elif named is not None and named.lower() != authority.lower():
        raise _malformed("The pseudo-field :authority and the header field host name different hosts.")
    if authority is None:
        raise _malformed("The request names no host.")
    try:
        host = parse_host(authority.decode("latin-1"))
    except TargetError as error:
        raise ProtocolError(error.code, error.detail) from None
    crumbs = [value for name, value in given if name == b"cookie"]
    fields = [(b"host", authority)]
    if len(crumbs) > 1:
        fields += [field for field in given if field[0] not in (b"host", b"cookie")]
        fields.append((b"cookie", b"; ".join(crumbs)))
    else:
        fields += [field for field in given if field[0] != b"host"] if named is not None else given
    if len(headers) + (named is None) == len(fields):
        return fields, dict(fields), host
    return fields, by_name(fields, MALFORMED_REQUEST), host


def _malformed(detail: str) -> ProtocolError:
    return ProtocolError(MALFORMED_REQUEST, detail)
