"""Response heads: status line and header fields, with every rule of RFC 9112 about framing applied."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from portcullis.engine.codes import UPSTREAM_BAD_RESPONSE
from portcullis.mounts.http1.errors import ProtocolError
from portcullis.mounts.http1.fields import (
    VALUE,
    Fields,
    by_name,
    check_transfer_encoding,
    connection_options,
    content_length,
    parse_fields,
)

# A missing space before an empty reason phrase (RFC 9112 4 wants it) is common, and cannot be misread.
_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: (%b))?\r\n" % VALUE)
_BEGUN_LINE = re.compile(
    rb"(?:H(?:T(?:T(?:P(?:/(?:1(?:\.(?:[01](?: (?:[1-5](?:[0-9](?:[0-9](?: %b)?\r?)?)?)?)?)?)?)?)?)?)?)?)?" % VALUE
)


class ResponseHead(msgspec.Struct, frozen=True, gc=False):
    """The head of one response, and where its body is.

    Attributes:
        status: 100 to 599.
        reason: the reason phrase as sent, perhaps empty.
        minor: the minor version: 0 or 1.
        fields: all header fields in order of arrival, names lower-case.
        headers: the same by name, repeated ones joined with ``", "``.
        content_length: bytes of body that follow; 0 if ``bodyless``, ``None`` if ``chunked`` or ``until_close``.
        chunked: a chunked body follows.
        until_close: the body is all that comes until the connection is closed.
        bodyless: no body follows whatever the fields say: a 1xx, 204 or 304, or an answer to HEAD (RFC 9112 6.3).
        keep_alive: the connection can take another request after this response.
        length: bytes of the buffer that the head takes.
        raw: these bytes, which the next response may repeat.
        to_head: it answers a HEAD request.

    """

    status: int
    reason: bytes
    minor: int
    fields: Fields
    headers: Mapping[bytes, bytes]
    content_length: int | None
    chunked: bool
    until_close: bool
    bodyless: bool
    keep_alive: bool
    length: int
    raw: bytes
    to_head: bool


def parse_response_head(
    buffer: bytes, max_bytes: int, request_method: str, previous: ResponseHead | None = None
) -> ResponseHead | None:
    """The response head at the beginning of ``buffer``, or ``None`` if its end is still to come.

    ``request_method`` is that of the request it answers. A head has at most ``max_bytes``. ``previous`` may be the
    head of the response before on this connection: where the same bytes come again, it is given back. Raises
    :class:`ProtocolError` (``UPSTREAM_BAD_RESPONSE``) as soon as no valid head can begin like this.
    """
    to_head = request_method == "HEAD"
    if (
        previous is not None
        and buffer.startswith(previous.raw)
        and previous.to_head == to_head
        and previous.length <= max_bytes
    ):
        return previous
    line = _LINE.match(buffer, 0, max_bytes)
    section = None
    if line is None:
        _refuse_line(buffer[:max_bytes])
    else:
        section = parse_fields(buffer, line.end(), max_bytes, UPSTREAM_BAD_RESPONSE)
    if line is None or section is None:
        if len(buffer) > max_bytes:
            raise ProtocolError(UPSTREAM_BAD_RESPONSE, f"The response head is longer than {max_bytes} bytes.")
        return None
    fields, length = section
    headers = by_name(fields, UPSTREAM_BAD_RESPONSE)
    version, digits, reason = line.groups()
    minor = 1 if version == b"1" else 0
    status = int(digits)

    body_length, chunked = _framing(headers, minor, status)
    bodyless = to_head or status < 200 or status in (204, 304)
    if bodyless:
        body_length, chunked = 0, False
    until_close = body_length is None and not chunked
    keep_alive = minor == 1
    connection = headers.get(b"connection")
    if connection is not None:
        options = connection_options(connection, UPSTREAM_BAD_RESPONSE)
        keep_alive = b"close" not in options and (minor == 1 or b"keep-alive" in options)
    return ResponseHead(
        status,
        reason or b"",
        minor,
        fields,
        headers,
        body_length,
        chunked,
        until_close,
        bodyless,
        keep_alive and not until_close,
        length,
        buffer[:length],
        to_head,
    )


def _framing(headers: Mapping[bytes, bytes], minor: int, status: int) -> tuple[int | None, bool]:
    """What the fields say: the length of the body, if they name one, and whether it is chunked."""
    chunked = b"transfer-encoding" in headers
    if chunked:
        check_transfer_encoding(headers, minor, UPSTREAM_BAD_RESPONSE)
    announced = headers.get(b"content-length")
    body_length = None if announced is None else content_length(announced, UPSTREAM_BAD_RESPONSE)
    # A 304 may say how long the body would be; the others must not (RFC 9110 8.6, RFC 9112 6.1), and a body after
    # them would be read as the next response. "Content-Length: 0" is as common with 204 as it is harmless.
    if (status < 200 or status == 204) and (chunked or body_length):
        raise ProtocolError(UPSTREAM_BAD_RESPONSE, f"A response of status {status} announces a body.")
    return body_length, chunked


def _refuse_line(data: bytes) -> None:
    """Raise if no status line can begin like ``data``."""
    begun = _BEGUN_LINE.match(data)
    if begun is None or begun.end() < len(data):
        raise ProtocolError(UPSTREAM_BAD_RESPONSE, "The status line is not HTTP/1.0 or HTTP/1.1, or is malformed.")
