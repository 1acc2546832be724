"""From header blocks to heads. A peer that says the same again sends the same bytes; what they mean is kept."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

from portcullis.engine.codes import MALFORMED_REQUEST, UPSTREAM_BAD_RESPONSE
from portcullis.mounts.http1.body import MAX_TRAILERS
from portcullis.mounts.http1.errors import ProtocolError
from portcullis.mounts.http1.fields import Fields
from portcullis.mounts.http1.response_head import ResponseHead
from portcullis.mounts.http2.field_sections import check_trailers
from portcullis.mounts.http2.header_blocks import BlockDecoder
from portcullis.mounts.http2.request_head import RequestHead, read_request_head
from portcullis.mounts.http2.response_head import read_response_head

_KNOWN: Final = 8
_KNOWN_BYTES: Final = 4096
"""A head larger than this is not kept: an idle connection must stay small."""
_Head = TypeVar("_Head", RequestHead, ResponseHead)


class _HeadReader(Generic[_Head]):
    """Reads the heads of one connection: at most ``max_bytes``, with 32 for each field.

    A head that is refused is given back as the error, for the connection goes on; one that can't be decoded raises
    :class:`ConnectionFaultError`. ``block_bytes``: what is decoded at most.
    """

    __slots__ = ("_decoder", "_known", "_max_bytes")

    def __init__(self, max_bytes: int, block_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._decoder = BlockDecoder(block_bytes)
        self._known: dict[bytes, _Head] = {}

    def _keep(self, block: bytes, head: _Head) -> None:
        """``block`` means ``head`` until the table changes."""
        if len(self._known) >= _KNOWN:
            self._known.clear()
        self._known[block] = head

    def _decode(self, block: bytes) -> tuple[Fields, bool]:
        fields, lasts = self._decoder.decode(block)
        if not lasts:
            self._known.clear()
        return fields, lasts


class RequestHeadReader(_HeadReader[RequestHead]):
    """Reads the heads of a client's requests."""

    __slots__ = ("_previous",)

    def __init__(self, max_bytes: int, block_bytes: int) -> None:
        super().__init__(max_bytes, block_bytes)
        self._previous: RequestHead | None = None

    def read(self, block: bytes) -> RequestHead | ProtocolError:
        """The head in ``block``."""
        head = self._known.get(block)
        if head is not None:
            return head
        fields, lasts = self._decode(block)
        try:
            head = read_request_head(fields, self._max_bytes, self._previous)
        except ProtocolError as error:
            return error.with_traceback(None)
        if head.size <= _KNOWN_BYTES:
            self._previous = head
            if lasts:
                self._keep(block, head)
        return head

    def read_trailers(self, block: bytes) -> Fields | ProtocolError:
        """The trailers in ``block``."""
        fields, _ = self._decode(block)
        try:
            check_trailers(fields, MAX_TRAILERS, MALFORMED_REQUEST)
        except ProtocolError as error:
            return error.with_traceback(None)
        return fields


class ResponseHeadReader(_HeadReader[ResponseHead]):
    """Reads the heads of a service's answers."""

    __slots__ = ()

    def read(self, block: bytes, *, to_head: bool) -> ResponseHead | ProtocolError:
        """The head in ``block``; ``to_head``: it answers a HEAD request."""
        head = self._known.get(block)
        if head is not None and head.to_head == to_head:
            return head
        fields, lasts = self._decode(block)
        try:
            head = read_response_head(fields, self._max_bytes, to_head=to_head)
        except ProtocolError as error:
            return error.with_traceback(None)
        if lasts and head.length <= _KNOWN_BYTES:
            self._keep(block, head)
        return head

    def read_trailers(self, block: bytes) -> Fields | ProtocolError:
        """The trailers in ``block``."""
        fields, _ = self._decode(block)
        try:
            check_trailers(fields, MAX_TRAILERS, UPSTREAM_BAD_RESPONSE)
        except ProtocolError as error:
            return error.with_traceback(None)
        return fields
