"""Bodies: decoders for the three ways to frame one (RFC 9112 6 and 7), and the chunked encoding.

A decoder is fed what arrives and gives back the payload in pieces; a piece is a slice of what was fed, or that very
object where all of it is payload. When ``done``, ``rest`` is what came after the body: the next message.
"""

from __future__ import annotations

import re
from typing import Final, Protocol

from portcullis.engine.codes import MALFORMED_REQUEST, Code
from portcullis.mounts.http1.errors import ProtocolError
from portcullis.mounts.http1.fields import NAME, SINGLE, parse_fields

LAST_CHUNK: Final = b"0\r\n\r\n"

# Go allows 4,096 bytes for a chunk's line. Nobody who needs extensions is known, and only their absence is harmless.
MAX_CHUNK_LINE: Final = 256
LINE_WINDOW: Final = MAX_CHUNK_LINE + 4
# 2**62: twice it still fits 64 bits with a sign, wherever else it is added up.
MAX_CHUNK: Final = 1 << 62
# As in Go's net/http: what the framing may take beyond 16 bytes a chunk and two bytes a byte of payload.
MAX_EXCESS: Final = 16 * 1024
MAX_TRAILERS: Final = 4096

# RFC 9112 7.1.1 without the blanks that it calls bad.
_QUOTED = rb"[\t !#-\[\]-~\x80-\xff]*+(?:\\[\t -~\x80-\xff][\t !#-\[\]-~\x80-\xff]*+)*"
_EXTENSIONS = rb"(?:;%b(?:=(?:%b|\"%b\"))?)*" % (NAME, NAME, _QUOTED)
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16}+)%b\r\n" % _EXTENSIONS)
_NEXT_CHUNK_LINE = re.compile(rb"\r\n([0-9A-Fa-f]{1,16}+)%b\r\n" % _EXTENSIONS)
_BEGUN_CHUNK_LINE = re.compile(
    rb"[0-9A-Fa-f]{1,16}+(?:;(?:\Z|%b(?:=(?:\Z|%b|\"%b(?:\"|\\?\Z)))?))*\r?" % (NAME, NAME, _QUOTED)
)


class BodyDecoder(Protocol):
    """What all decoders can do."""

    done: bool
    rest: bytes

    def feed(self, data: bytes) -> list[bytes]:
        """The payload in ``data``; empty where there is none. Not to be called once ``done``.

        Raises :class:`ProtocolError` for a malformed body.
        """


class LengthDecoder:
    """A body of a known length; ``remaining`` bytes of it are still to come."""

    __slots__ = ("done", "remaining", "rest")

    def __init__(self, length: int) -> None:
        self.remaining = length
        self.done = length == 0
        self.rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The payload in ``data``."""
        remaining = self.remaining - len(data)
        if remaining > 0:
            self.remaining = remaining
            return [data] if data else []
        self.done = True
        if remaining < 0:
            self.rest = data[self.remaining :]
            data = data[: self.remaining]
        self.remaining = 0
        return [data] if data else []


class UntilCloseDecoder:
    """A body that ends where the connection does: the caller knows when, so it is never ``done``."""

    __slots__ = ("done", "rest")

    def __init__(self) -> None:
        self.done = False
        self.rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """All of ``data``."""
        return [data] if data else []


class ChunkedDecoder:
    """A chunked body. Extensions are checked and dropped, and so are trailers, which nothing asks for.

    ``code`` is what a malformed body is refused with.
    """

    __slots__ = ("_code", "_data", "_ended", "_excess", "_held", "_remaining", "done", "rest")

    def __init__(self, code: Code = MALFORMED_REQUEST) -> None:
        self.done = False
        self.rest = b""
        self._code = code
        self._held = b""  # the beginning of a line whose end is still to come
        self._remaining = 0  # bytes still to come of the chunk's payload
        self._data = False  # in a chunk: its payload, and the CR LF after it
        self._ended = False  # after the last chunk
        self._excess = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The payload in ``data``. Raises :class:`ProtocolError`."""
        if self._held:
            data, self._held = self._held + data, b""
        pieces: list[bytes] = []
        position = 0
        while not self._ended:
            if self._remaining:
                end = position + self._remaining
                if position < len(data):
                    pieces.append(data[position:end])
                if end > len(data):
                    self._remaining = end - len(data)
                    return pieces
                self._remaining = 0
                position = end
            line = (_NEXT_CHUNK_LINE if self._data else _CHUNK_LINE).match(data, position, position + LINE_WINDOW)
            if line is None:
                self._hold(data[position : position + LINE_WINDOW])
                return pieces
            self._begin_chunk(line)
            position = line.end()
        self._receive_trailers(data[position:])
        return pieces

    def _begin_chunk(self, line: re.Match[bytes]) -> None:
        size = int(line[1], 16)
        length = line.end() - line.start(1)
        if size > MAX_CHUNK:
            raise ProtocolError(self._code, "A chunk is too large.")
        self._excess = max(0, self._excess + length - 16 - 2 * size)
        if length > MAX_CHUNK_LINE or self._excess > MAX_EXCESS:
            raise ProtocolError(self._code, "The chunk extensions are too long.")
        self._remaining = size
        self._data = size > 0
        self._ended = size == 0

    def _hold(self, line: bytes) -> None:
        """Keep the beginning of a chunk's line, if it is one."""
        if self._data:
            if line[:2] != b"\r\n":
                if line not in (b"", b"\r"):
                    raise ProtocolError(self._code, "The payload of a chunk is not followed by CR LF.")
                self._held = line
                return
            self._data = False
            line = line[2:]
        begun = _BEGUN_CHUNK_LINE.match(line)
        if line and (begun is None or begun.end() < len(line)):
            raise ProtocolError(self._code, "A chunk does not begin with its size in hex digits and CR LF.")
        if len(line) > MAX_CHUNK_LINE:
            raise ProtocolError(self._code, "The chunk extensions are too long.")
        self._held = line

    def _receive_trailers(self, data: bytes) -> None:
        section = parse_fields(data, 0, MAX_TRAILERS, self._code)
        if section is not None:
            fields, end = section
            if any(name in SINGLE for name, _ in fields):
                # RFC 9110 6.5.1: a reader that merges trailers into the head would frame the message anew.
                raise ProtocolError(self._code, "A trailer names the host or frames the message.")
            self.done = True
            self.rest = data[end:]
        elif len(data) > MAX_TRAILERS:
            raise ProtocolError(self._code, "The trailers are too long.")
        else:
            self._held = data


def encode_chunk(data: bytes) -> bytes:
    """``data`` as one chunk; nothing for no data, since an empty chunk would end the body."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
