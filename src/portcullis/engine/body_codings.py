"""Content codings of the bodies that steps look at: taken off within bounds, or refused.

What is checked must be what the service (or the client) reads, so an encoded body is decoded before any step sees it,
and goes on decoded. A body that nobody looks at passes as it is.
"""

from __future__ import annotations

from typing import Final

from portcullis.engine.codes import (
    BODY_TOO_LARGE,
    CODING_MALFORMED,
    CODING_UNSUPPORTED,
    DECOMPRESSION_BOMB,
    UPSTREAM_CODING,
    UPSTREAM_TOO_LARGE,
)
from portcullis.engine.codings import SUPPORTED, CodingError, Decoder, decoder
from portcullis.engine.decision import Finding, Refuse

_OF_REQUESTS: Final = {
    "unsupported": CODING_UNSUPPORTED,
    "malformed": CODING_MALFORMED,
    "too_large": BODY_TOO_LARGE,
    "bomb": DECOMPRESSION_BOMB,
}
_ACCEPTED: Final = ((b"accept-encoding", SUPPORTED),)  # RFC 9110 12.5.3: in an answer 415, what would be right


def request_decoder(coding: bytes, max_body: int) -> Decoder | None:
    """What decodes a request body of ``coding``, at most ``max_body`` bytes decoded. Raises :class:`CodingError`."""
    return decoder(coding, max_bytes=max_body)


def response_decoder(coding: bytes, body: bytes, max_response: int) -> bytes:
    """The whole answer ``body``, decoded to at most ``max_response`` bytes. Raises :class:`CodingError`."""
    decoding = decoder(coding, max_bytes=max_response)
    return body if decoding is None else decoding.feed(body) + decoding.end()


def undecoded(error: CodingError, *, of_response: bool = False) -> Refuse:
    """The refusal of a body that can't be decoded."""
    if of_response:
        code = UPSTREAM_TOO_LARGE if error.fault in ("too_large", "bomb") else UPSTREAM_CODING
        return Refuse(code, finding=Finding("/response/body", str(error), "gzip, deflate, br or zstd, within bounds"))
    fields = _ACCEPTED if error.fault == "unsupported" else ()
    return Refuse(_OF_REQUESTS[error.fault], str(error), Finding("/body", str(error)), fields)
