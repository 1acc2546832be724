"""Whether a service's answer is compressed on its way to the client, and what is told of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from portcullis.engine.compression.choosing import Compression, encoded, varying
from portcullis.engine.compression.encoders import Encoder, encoder
from portcullis.engine.decision import Modify
from portcullis.engine.identity import ANONYMOUS
from portcullis.mounts.forwarding import changed

if TYPE_CHECKING:
    from portcullis.engine.exchange import Exchange
    from portcullis.mounts.http1.response_head import ResponseHead

MAX_WHOLE: Final = 1024 * 1024
"""Bytes of an answer that was held back whole; a larger one would keep others waiting while it is encoded."""
MAX_ENCODERS: Final = 128
"""Answers that one worker compresses at a time; beyond it they go as they are."""
_SECRETS: Final = (b"authorization", b"cookie", b"proxy-authorization")

Told = tuple[tuple[Modify, ...], Encoder | None]
"""What of the head changes, and what encodes the body, if it is encoded."""


class Encoders:
    """Makes encoders, at most ``MAX_ENCODERS`` at a time. ``living``: how many there are."""

    __slots__ = ("living",)

    def __init__(self) -> None:
        self.living = 0

    def begin(
        self,
        compression: Compression,
        exchange: Exchange,
        head: ResponseHead,
        changes: Iterable[Modify],
        whole: int | None,
    ) -> Told:
        """How an answer with this ``head``, after ``changes``, is compressed.

        ``whole``: bytes of its body, where all of it is here. Who gets an encoder gives it back by :meth:`end`.
        """
        headers = head.headers
        if not compression.authenticated and _is_somebodys(exchange):
            return (), None
        removed, added = changed(headers, changes)
        if removed or added:
            headers = {name: value for name, value in headers.items() if name not in removed} | added
        if not compression.varies(head.status, headers):
            return (), None
        vary = varying(headers)
        told = () if vary is None else (vary,)
        coding = compression.coding(exchange.request.headers.get(b"accept-encoding"))
        length = _length_of(head) if whole is None or head.bodyless else whole
        if coding is None or (length is not None and length < compression.min_bytes) or (whole or 0) > MAX_WHOLE:
            return told, None
        if head.bodyless:
            # The length of what the client would get is not known (RFC 9110 8.6).
            return (*told, encoded(headers, coding)), None
        if self.living >= MAX_ENCODERS:
            return told, None
        self.living += 1
        return (*told, encoded(headers, coding)), encoder(coding)

    def end(self) -> None:
        """An answer is done with its encoder."""
        self.living -= 1


def _length_of(head: ResponseHead) -> int | None:
    """Bytes of the body that follows, or that HEAD asks about; ``None`` if that is not known."""
    if not head.bodyless:
        return head.content_length
    announced = head.headers.get(b"content-length", b"")
    return int(announced) if announced.isdigit() and len(announced) < 16 else None


def _is_somebodys(exchange: Exchange) -> bool:
    """Whether an answer is for one caller: the gateway knows who calls, or the service may."""
    headers = exchange.request.headers
    return exchange.facts.identity is not ANONYMOUS or any(name in headers for name in _SECRETS)
