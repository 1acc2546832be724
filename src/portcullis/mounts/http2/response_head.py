"""Response heads of services: what RFC 9113 8.3.2 asks of one, as the head that HTTP/1.1 would give."""

from __future__ import annotations

import re

from portcullis.engine.codes import UPSTREAM_BAD_RESPONSE
from portcullis.mounts.http1.errors import ProtocolError
from portcullis.mounts.http1.fields import Fields, by_name, content_length
from portcullis.mounts.http1.response_head import ResponseHead
from portcullis.mounts.http2.field_sections import check_fields, section_size

_STATUS = re.compile(rb"[1-5][0-9][0-9]")


def read_response_head(block: Fields, max_bytes: int, *, to_head: bool) -> ResponseHead:
    """The head that the fields of a block are; at most ``max_bytes`` with 32 for each field.

    ``to_head``: it answers a HEAD request. Its ``content_length`` is 0 if it has no body, ``None`` if it does not say.
    Raises :class:`ProtocolError` (``UPSTREAM_BAD_RESPONSE``).
    """
    size = section_size(block)
    if size > max_bytes:
        raise _bad(f"The response head is longer than {max_bytes} bytes, with 32 for each field.")
    if not block or block[0][0] != b":status" or not _STATUS.fullmatch(block[0][1]):
        raise _bad("The response does not begin with a :status of three digits.")
    status = int(block[0][1])
    if status == 101:
        raise _bad("It switches protocols, which HTTP/2 does not know.")
    fields = block[1:]
    check_fields(fields, UPSTREAM_BAD_RESPONSE)
    headers = by_name(fields, UPSTREAM_BAD_RESPONSE)
    announced = headers.get(b"content-length")
    length = None if announced is None else content_length(announced, UPSTREAM_BAD_RESPONSE)
    if (status < 200 or status == 204) and length:
        raise _bad(f"A response of status {status} announces a body.")
    bodyless = to_head or status < 200 or status in (204, 304)
    return ResponseHead(
        status,
        b"",
        1,
        fields,
        headers,
        0 if bodyless else length,
        chunked=False,
        until_close=False,
        bodyless=bodyless,
        keep_alive=True,
        length=size,
        raw=b"",
        to_head=to_head,
    )


def _bad(detail: str) -> ProtocolError:
    return ProtocolError(UPSTREAM_BAD_RESPONSE, detail)
