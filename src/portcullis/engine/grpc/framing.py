"""Messages in the body of a gRPC call: a byte that says whether it is compressed, four of its length, and the message.

https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, "Length-Prefixed-Message".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from portcullis.engine.codings import ALLOWANCE, MAX_RATIO, CodingError, decoder

PREFIX_BYTES: Final = 5
ENCODINGS: Final = frozenset({b"identity", b"gzip"})
"""Encodings of messages that can be taken off."""
Fault = Literal["malformed", "too_large", "encoding"]


class FramingError(ValueError):
    """A body is no sequence of messages, or holds one that is too large. The text is a sentence for its author."""

    def __init__(self, fault: Fault, sentence: str) -> None:
        super().__init__(sentence)
        self.fault: Fault = fault


class MessageReader:
    """Reads messages out of pieces. ``encoding``: of those that are compressed; ``most``: bytes of one, also decoded.

    A message is held until it is whole, and no more than that.
    """

    __slots__ = ("_decoded", "_encoded", "_encoding", "_held", "_most", "messages")

    def __init__(self, encoding: bytes | None, most: int) -> None:
        self._encoding = encoding or b"identity"
        self._most = most
        self._held = bytearray()
        self.messages = 0
        self._encoded = 0  # bytes of all messages that were compressed, and what they became
        self._decoded = 0

    @property
    def held(self) -> int:
        """Bytes of a message that is not whole yet."""
        return len(self._held)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The messages that ``data`` completes, decoded. Raises :class:`FramingError`."""
        held = self._held
        held += data
        at = 0
        try:
            while len(held) - at >= PREFIX_BYTES:
                flag, length = held[at], int.from_bytes(held[at + 1 : at + PREFIX_BYTES])
                if flag > 1:
                    raise FramingError("malformed", "A message begins with a byte that is neither 0 nor 1.")
                if length > self._most:
                    raise FramingError("too_large", f"A message has at most {self._most} bytes here.")
                end = at + PREFIX_BYTES + length
                if len(held) < end:
                    break
                message = bytes(held[at + PREFIX_BYTES : end])
                at = end
                self.messages += 1
                yield self._decompressed(message) if flag else message
        finally:
            del held[:at]

    def end(self) -> None:
        """The body is whole. Raises :class:`FramingError` if a message is not."""
        if self._held:
            raise FramingError("malformed", "The last message is cut short.")

    def _decompressed(self, message: bytes) -> bytes:
        if self._encoding == b"identity":
            raise FramingError("malformed", "A message is compressed, and the call does not say how (grpc-encoding).")
        self._encoded += len(message)
        # All messages of a call together grow no more than one may: many small ones would else become anything.
        left = max(0, ALLOWANCE + MAX_RATIO * self._encoded - self._decoded)
        try:
            layers = decoder(self._encoding, max_bytes=min(self._most, left))
            assert layers is not None  # the encoding is not identity
            decoded = layers.feed(message) + layers.end()
        except CodingError as error:
            if error.fault == "too_large" and left < self._most:
                sentence = f"The messages grow to more than {MAX_RATIO} times their size when they are decompressed."
                raise FramingError("too_large", sentence) from None
            fault: Fault = "too_large" if error.fault in ("too_large", "bomb") else "malformed"
            raise FramingError(fault, str(error)) from None
        self._decoded += len(decoded)
        return decoded


def framed(message: bytes) -> bytes:
    """``message`` as it stands in a body, not compressed."""
    return b"\0%b%b" % (len(message).to_bytes(4), message)
