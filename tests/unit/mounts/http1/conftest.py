"""What the tests of the codec share: a reader that goes through a byte stream as a connection does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest

from portcullis.engine.codes import UPSTREAM_BAD_RESPONSE, Code
from portcullis.mounts.http1.body import BodyDecoder, ChunkedDecoder, LengthDecoder, UntilCloseDecoder
from portcullis.mounts.http1.errors import ProtocolError
from portcullis.mounts.http1.request_head import RequestHead, parse_request_head
from portcullis.mounts.http1.response_head import ResponseHead, parse_response_head

MAX_HEAD = 16 * 1024


@dataclass
class Transcript:
    """What was read: whole messages, then perhaps a refusal, or a message whose end is still to come."""

    messages: list[tuple[RequestHead | ResponseHead, bytes]] = field(default_factory=list)
    refused: Code | None = None
    unfinished: bool = False
    closed: bool = False
    read: int = 0  # bytes that the whole messages take

    def outcome(self) -> object:
        """All that may not depend on how the bytes were cut."""
        seen = [(head.fields, dict(head.headers), head.length, body) for head, body in self.messages]
        return seen, self.refused, self.unfinished, self.closed


class _Reader:
    def __init__(self, parse: Callable[[bytes], RequestHead | ResponseHead | None], code: Code | None) -> None:
        self.parse = parse
        self.code = code
        self.transcript = Transcript()
        self.buffer = b""
        self.head: RequestHead | ResponseHead | None = None
        self.decoder: BodyDecoder | None = None
        self.body = b""
        self.fed = 0

    def feed(self, data: bytes) -> None:
        self.buffer += data
        self.fed += len(data)
        while self.buffer and not self.transcript.closed and self.step():
            pass

    def step(self) -> bool:
        if self.head is None:
            self.head = self.parse(self.buffer)
            if self.head is None:
                return False
            self.buffer = self.buffer[self.head.length :]
            self.decoder = self.decoder_of(self.head)
        assert self.decoder is not None
        if not self.decoder.done:
            self.body += b"".join(self.decoder.feed(self.buffer))
            self.buffer = self.decoder.rest
        if not self.decoder.done:
            return False
        self.transcript.messages.append((self.head, self.body))
        self.transcript.read = self.fed - len(self.buffer)
        self.transcript.closed = not self.head.keep_alive
        self.head, self.body = None, b""
        return True

    def decoder_of(self, head: RequestHead | ResponseHead) -> BodyDecoder:
        if head.chunked:
            return ChunkedDecoder(self.code) if self.code else ChunkedDecoder()
        return UntilCloseDecoder() if head.content_length is None else LengthDecoder(head.content_length)


def _read(reader: _Reader, pieces: Iterable[bytes]) -> Transcript:
    transcript = reader.transcript
    try:
        for piece in pieces:
            reader.feed(piece)
    except ProtocolError as error:
        transcript.refused = error.code
    transcript.unfinished = transcript.refused is None and (bool(reader.buffer) or reader.head is not None)
    return transcript


@pytest.fixture(scope="session")
def read_requests() -> Callable[..., Transcript]:
    """Reads the requests in pieces of bytes."""

    def read(*pieces: bytes) -> Transcript:
        return _read(_Reader(lambda buffer: parse_request_head(buffer, MAX_HEAD), None), pieces)

    return read


@pytest.fixture(scope="session")
def read_responses() -> Callable[..., Transcript]:
    """Reads the responses (to GET) in pieces of bytes."""

    def read(*pieces: bytes) -> Transcript:
        return _read(
            _Reader(lambda buffer: parse_response_head(buffer, MAX_HEAD, "GET"), UPSTREAM_BAD_RESPONSE), pieces
        )

    return read
