r"""``multipart/form-data`` on the wire (RFC 7578, RFC 2046 5.1), read strictly and as it streams.

Services split such bodies with parsers that differ in what they forgive: blanks after a boundary, bare line feeds, a
boundary that is only the beginning of another, text before the first part and after the last. Where two of them may see
different parts, what was checked here says nothing about what the service gets. So only this is read::

    --boundary CRLF  field CRLF  field CRLF  CRLF  content  CRLF--boundary CRLF  ...  CRLF--boundary-- [CRLF]

with nothing before it and nothing after it, and everywhere else ``--boundary`` is an error: clients choose boundaries
that do not occur in what they send.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from portcullis.engine.media_type import MediaType
from portcullis.engine.openapi.bodies.errors import BodyError
from portcullis.engine.openapi.bodies.file_names import read_extended

MAX_HEAD: Final = 4096
"""Bytes of the header fields of one part (Django, python-multipart: 1,024 and 4,096; busboy: 80 KiB)."""
MAX_FIELDS: Final = 16
"""Header fields of one part (python-multipart: 8)."""
MAX_NAME: Final = 1024
"""Bytes of the name of a part."""

_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,\-./:=?]{1,70}")  # RFC 2046 5.1.1, but for the space
_FIELD: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]++):[ \t]*+([\t\x20-\x7e\x80-\xff]*+)")
_PARAMETER: Final = re.compile(rb'; ?([A-Za-z]{1,20}\*?)=(?:"([^"\\\x00-\x1f\x7f]*+)"|([!#$%&\'*+.^_`|~0-9A-Za-z-]++))')
_DISPOSITION: Final = re.compile(rb"form-data", re.IGNORECASE)
_PARAMETERS: Final = frozenset((b"name", b"filename", b"filename*"))
_PLAIN_CODINGS: Final = frozenset((b"7bit", b"8bit", b"binary"))
_REFUSED_FIELDS: Final = frozenset((b"content-encoding", b"transfer-encoding", b"content-range"))
_DASHES: Final = b"--"


class PartHead(msgspec.Struct, frozen=True):
    """The header fields of one part: its ``name``, ``file_name`` and ``content_type`` (``None``: it says none).

    ``length``: bytes of content that it announces; ``raw``: the fields as they were sent, with their line ends.
    """

    name: str
    file_name: str | None
    content_type: str | None
    length: int | None
    raw: bytes


class PartHandler(Protocol):
    """What is told about the parts as they come. May raise :class:`BodyError`."""

    def begin(self, head: PartHead) -> None:
        """A part begins."""

    def content(self, data: bytes) -> None:
        """A piece of its content, which is not empty."""

    def finish(self) -> None:
        """It is whole."""


def boundary_of(content_type: MediaType) -> bytes:
    """The boundary that ``content_type`` says. Raises :class:`BodyError` if there is none, or it is not one."""
    boundary = content_type.parameter("boundary")
    if boundary is None or not _BOUNDARY.fullmatch(boundary):
        raise BodyError(
            "malformed",
            "The Content-Type needs a boundary: 1 to 70 letters, digits or '()+_,-./:=?.",
            allowed="a boundary (RFC 2046 5.1.1)",
        )
    return boundary.encode()


class MultipartReader:
    """Splits a body into parts, and tells ``handler``. ``max_parts``: of the body. Raises :class:`BodyError`."""

    __slots__ = ("_at", "_buffer", "_delimiter", "_handler", "_length", "_max_parts", "_parts", "_read", "_received")

    def __init__(self, boundary: bytes, handler: PartHandler, max_parts: int) -> None:
        self._delimiter = _DASHES + boundary
        self._handler = handler
        self._max_parts = max_parts
        self._buffer = b""
        self._at = 0  # what stands before it in the buffer has been read
        self._read: Callable[[], bool] = self._read_first
        self._parts = 0
        self._received = 0  # bytes of the content of this part
        self._length: int | None = None

    def feed(self, data: bytes) -> None:
        """Read the next piece of the body."""
        self._buffer = self._buffer[self._at :] + data
        self._at = 0
        while self._read():
            pass

    def end(self) -> None:
        """The body is whole."""
        if self._read != self._read_after or self._buffer[self._at :] not in (b"", b"\r\n"):
            raise _malformed("The body is cut short: its last boundary is missing.")

    # Each reads what is expected next, and says whether there may be more in the buffer.

    def _read_first(self) -> bool:
        start = self._delimiter
        if not self._buffer.startswith(start[: len(self._buffer)]):
            raise _malformed("The body must begin with its boundary.")
        if len(self._buffer) < len(start):
            return False
        self._at = len(start)
        self._read = self._read_mark
        return True

    def _read_mark(self) -> bool:
        """What follows a boundary."""
        mark = self._buffer[self._at : self._at + 2]
        if len(mark) < 2:
            return False
        self._at += 2
        if mark == b"\r\n":
            self._parts += 1
            if self._parts > self._max_parts:
                most = f"at most {self._max_parts} parts"
                raise BodyError("limit", "The body has too many parts.", allowed=most)
            self._read = self._read_head
        elif mark == _DASHES:
            self._read = self._read_after
        else:
            raise _malformed("After a boundary stands a line end, or -- for the last one.")
        return True

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n", self._at, self._at + MAX_HEAD + 4)
        if end < 0:
            if len(self._buffer) - self._at > MAX_HEAD:
                most = f"at most {MAX_HEAD} bytes"
                raise BodyError("limit", "The header fields of a part are too long.", allowed=most)
            return False
        head = read_head(self._buffer[self._at : end + 2])
        self._at = end + 4
        self._length = head.length
        self._received = 0
        self._read = self._read_content
        self._handler.begin(head)
        return True

    def _read_content(self) -> bool:
        buffer, delimiter, begin = self._buffer, self._delimiter, self._at
        at = buffer.find(delimiter, begin)
        if at < 0:
            # What is kept back may be the beginning of a delimiter and of the line end before it.
            end = len(buffer) - len(delimiter) - 1
            if end > begin:
                self._pass_on(buffer[begin:end])
                self._at = end
            return False
        end = at - 2
        if end < begin or buffer[end:at] != b"\r\n":
            raise _malformed("A boundary stands in the content of a part.")
        if end > begin:
            self._pass_on(buffer[begin:end])
        if self._length is not None and self._length != self._received:
            raise _malformed("A part is not as long as its Content-Length says.")
        self._handler.finish()
        self._at = at + len(delimiter)
        self._read = self._read_mark
        return True

    def _read_after(self) -> bool:
        if not b"\r\n".startswith(self._buffer[self._at :]):
            raise _malformed("Something follows the last boundary.")
        return False

    def _pass_on(self, content: bytes) -> None:
        self._received += len(content)
        self._handler.content(content)


def read_head(raw: bytes) -> PartHead:
    """The header fields ``raw`` of a part, each with its line end. Raises :class:`BodyError`."""
    fields: dict[bytes, bytes] = {}
    lines = raw[:-2].split(b"\r\n") if len(raw) > 2 else []
    if len(lines) > MAX_FIELDS:
        raise BodyError("limit", "A part has too many header fields.", allowed=f"at most {MAX_FIELDS} fields")
    for line in lines:
        match = _FIELD.fullmatch(line)
        if match is None:
            raise _bad_part("A part has a header field that is malformed.")
        name = match[1].lower()
        if name in fields:
            raise _bad_part(f"A part has the header field {_shown(name)} twice.")
        if name in _REFUSED_FIELDS:
            raise _bad_part(f"Parts can't have the header field {_shown(name)}.")
        fields[name] = match[2].strip(b" \t")
    coding = fields.get(b"content-transfer-encoding")
    if coding is not None and coding.lower() not in _PLAIN_CODINGS:
        raise _bad_part("Parts are sent as they are: their Content-Transfer-Encoding is binary, 8bit or 7bit.")
    name, file_name = _read_disposition(fields.get(b"content-disposition"))
    content_type = fields.get(b"content-type")
    return PartHead(
        name=name,
        file_name=file_name,
        content_type=None if content_type is None else content_type.decode("latin-1"),
        length=_read_length(fields.get(b"content-length")),
        raw=raw,
    )


def _read_disposition(value: bytes | None) -> tuple[str, str | None]:
    """Name and file name. Backslashes are refused in both: browsers mean themselves by them, others what follows."""
    if value is None:
        raise _bad_part("Each part needs a Content-Disposition.")
    start = _DISPOSITION.match(value)
    parameters: dict[bytes, bytes] = {}
    at = start.end() if start else -1
    while 0 <= at < len(value):
        match = _PARAMETER.match(value, at)
        if match is None or (key := match[1].lower()) in parameters or key not in _PARAMETERS:
            at = -1
            break
        parameters[key] = match[3] if match[2] is None else match[2]
        at = match.end()
    if at < 0 or not parameters.get(b"name") or len(parameters[b"name"]) > MAX_NAME:
        raise _bad_part('The Content-Disposition of a part is form-data; name="...", and for files filename="...".')
    try:
        name = parameters[b"name"].decode()
        names = [parameters[b"filename"].decode()] if b"filename" in parameters else []
        if b"filename*" in parameters:
            names.append(read_extended(parameters[b"filename*"].decode("ascii")))
    except UnicodeError:
        raise _bad_part("The names of parts and files are UTF-8.") from None
    except ValueError:
        raise _bad_part("filename* is an extended value in UTF-8 (RFC 8187).") from None
    if len(set(names)) > 1:
        raise BodyError("file_name", "A part has two different file names.", path=(name,))
    return name, names[0] if names else None


def _read_length(value: bytes | None) -> int | None:
    if value is None:
        return None
    if not value.isdigit() or len(value) > 15:
        raise _bad_part("The Content-Length of a part is not a number.")
    return int(value)


def _shown(name: bytes) -> str:
    return name.decode("ascii", "replace")[:60]


def _malformed(detail: str) -> BodyError:
    return BodyError("malformed", detail, found=detail, allowed="multipart/form-data (RFC 7578)")


def _bad_part(detail: str) -> BodyError:
    return BodyError("part", detail, found=detail, allowed="header fields of a part (RFC 7578 4)")


class Rewrite(Protocol):
    """Gives what becomes of a part when a body is written anew."""

    def __call__(self, head: PartHead, content: bytes) -> bytes | None:
        """The content that it has from now on; ``None``: it is left out."""


def write_parts(data: bytes, boundary: bytes, rewrite: Rewrite, max_parts: int) -> bytes:
    """The body ``data`` with what ``rewrite`` gives for each of its parts. ``data`` must have been read before."""
    parts = _Collected()
    MultipartReader(boundary, parts, max_parts).feed(data)
    written: list[bytes] = []
    for head, pieces in parts.found:
        content = rewrite(head, b"".join(pieces))
        if content is not None:
            fields = head.raw if head.length is None else _without_length(head.raw)
            written += (_DASHES, boundary, b"\r\n", fields, b"\r\n", content, b"\r\n")
    return b"".join([*written, _DASHES, boundary, _DASHES, b"\r\n"])


class _Collected:
    """Keeps the parts of a body."""

    def __init__(self) -> None:
        self.found: list[tuple[PartHead, list[bytes]]] = []

    def begin(self, head: PartHead) -> None:
        self.found.append((head, []))

    def content(self, data: bytes) -> None:
        self.found[-1][1].append(data)

    def finish(self) -> None:
        """Nothing is left to do."""


def _without_length(fields: bytes) -> bytes:
    kept = [line for line in fields.split(b"\r\n") if not line.lower().startswith(b"content-length:")]
    return b"\r\n".join(kept)
