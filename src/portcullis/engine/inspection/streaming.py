"""Bodies that stream, looked at piece by piece.

A text is looked at in windows: each piece together with the end of what came before it, so that what is split over
pieces is found. Long runs of blanks, which could push the parts of one thing into different windows, count as one. What
is kept between two pieces is never more than a few kilobytes, and the header fields of one part.

A client that sends byte by byte must not make every byte cost a window: :data:`AT_ONCE` bytes are waited for before
they are looked at, or the end. What is found is then found that much later, and always before the body is whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from portcullis.engine.inspection.content import SNIFFED, is_text, kind_of
from portcullis.engine.inspection.inspector import Hit, Inspector
from portcullis.engine.inspection.parts import Path
from portcullis.engine.openapi.bodies.errors import BodyError
from portcullis.engine.openapi.bodies.multipart_wire import MultipartReader, PartHead

OVERLAP: Final = 2048
"""Bytes of a text that one thing may be long to be found for sure, blanks aside."""
AT_ONCE: Final = 256
"""Bytes that are looked at together at least."""
MAX_PARTS: Final = 10_000

_BLANKS: Final = re.compile(rb"[\s\0]{3,}")
# Stands where a window is cut, so that a text seems neither to begin nor to end there.
_CUT: Final = "\u00b7".encode()


class Found(NamedTuple):
    """A hit, and where it is."""

    path: Path
    hit: Hit


Allowed = Callable[[Path], frozenset[str]]
"""The patterns that are allowed at a path, by id."""


class Scanner(Protocol):
    """Looks at a body as it comes."""

    def feed(self, data: bytes) -> Found | None:
        """The next piece."""

    def end(self) -> Found | None:
        """It is whole."""


class TextScanner:
    """Looks at one text that comes in pieces. ``must_be_text``: it is known to be text, which else is found out."""

    __slots__ = ("_allowed", "_inspector", "_is_cut", "_path", "_state", "_tail", "_unseen")

    def __init__(self, inspector: Inspector, path: Path, allowed: frozenset[str], *, must_be_text: bool = True) -> None:
        self._inspector = inspector
        self._path = path
        self._allowed = allowed
        self._tail = b""
        self._unseen = 0
        self._is_cut = False
        self._state = "text" if must_be_text else "unknown"

    def feed(self, data: bytes) -> Found | None:
        """Look at the next piece."""
        if self._state == "other":
            return None
        window = self._tail + data
        if self._state == "unknown":
            if len(window) < SNIFFED:
                self._tail = window
                return None
            self._state = "text" if is_text(window) else "other"
            if self._state == "other":
                self._tail = b""
                return None
        self._unseen += len(data)
        if self._unseen < AT_ONCE:
            self._tail = window
            return None
        self._unseen = 0
        found = self._look(window, is_last=False)
        if len(window) > OVERLAP:
            self._is_cut = True
            window = _BLANKS.sub(b"  ", window[-8 * OVERLAP :])[-OVERLAP:]
        self._tail = window
        return found

    def end(self) -> Found | None:
        """The text is whole: look at how it ends."""
        if self._state == "other" or (self._state == "unknown" and not is_text(self._tail)):
            return None
        return self._look(self._tail, is_last=True)

    def _look(self, window: bytes, *, is_last: bool) -> Found | None:
        if self._is_cut:
            window = _CUT + window
        if not is_last:
            window += _CUT
        if self._inspector.is_clean(window):
            return None
        hit = self._inspector.find(window.decode(errors="replace"), "body", self._allowed)
        return None if hit is None else Found(self._path, hit)


class MultipartScanner:
    """Looks at the names, the file names and the texts of a form in parts; files that are no text pass.

    ``wants(name)``: whether the content of a part with that name is to be looked at. A body that can't be split is
    looked at as one text.
    """

    def __init__(self, inspector: Inspector, boundary: bytes, wants: Callable[[str], bool], allowed: Allowed) -> None:
        self._inspector = inspector
        self._wants = wants
        self._allowed = allowed
        self._reader: MultipartReader | None = MultipartReader(boundary, self, MAX_PARTS)
        self._part: TextScanner | None = None
        self._found: Found | None = None

    def feed(self, data: bytes) -> Found | None:
        """Look at the next piece."""
        if self._reader is not None:
            try:
                self._reader.feed(data)
            except BodyError:
                self._give_up()
        if self._reader is None and self._found is None and self._part is not None:
            self._found = self._part.feed(data)
        return self._found

    def end(self) -> Found | None:
        """The body is whole."""
        return self._part.end() if self._reader is None and self._part is not None else None

    def _give_up(self) -> None:
        self._reader = None
        self._part = TextScanner(self._inspector, ("body",), self._allowed(("body",)), must_be_text=False)

    # As the handler of the reader.

    def begin(self, head: PartHead) -> None:
        """A part begins: look at its names."""
        path: Path = ("body", head.name)
        allowed = self._allowed(path)
        for text in (head.name, head.file_name or ""):
            hit = self._inspector.find(text, "body", allowed)
            if hit is not None and self._found is None:
                self._found = Found(path, hit)
        kind = kind_of(None if head.content_type is None else head.content_type.encode("latin-1", "replace"))
        is_read = (head.file_name is None or kind != "other") and self._wants(head.name)
        self._part = TextScanner(self._inspector, path, allowed) if is_read else None

    def content(self, data: bytes) -> None:
        """A piece of its content."""
        if self._part is not None and self._found is None:
            self._found = self._part.feed(data)

    def finish(self) -> None:
        """It is whole."""
        if self._part is not None and self._found is None:
            self._found = self._part.end()
        self._part = None
