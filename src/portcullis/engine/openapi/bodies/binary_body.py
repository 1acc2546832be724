"""Bytes that nobody here reads: images, archives, whatever the document names. They stream, and are counted."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from portcullis.engine.openapi.bodies.errors import BodyError, Path
from portcullis.engine.openapi.byte_schemas import Bounds


class ByteCounter:
    """Counts the bytes of a body, or of what stands at ``path`` of one, and raises :class:`BodyError`.

    ``what``: how it is called; ``source``: the pointer of the schema that has the ``bounds``.
    """

    __slots__ = ("_bounds", "_path", "_source", "_what", "count")

    def __init__(self, bounds: Bounds, what: str = "The body", path: Path = (), source: str = "") -> None:
        self._bounds = bounds
        self._what = what
        self._path = path
        self._source = source
        self.count = 0

    def feed(self, data: bytes) -> None:
        """Count the next piece."""
        self.count += len(data)
        if self._bounds.most is not None and self.count > self._bounds.most:
            raise self._error(f"at most {self._bounds.most} bytes")

    def end(self) -> None:
        """It is whole."""
        if self.count < self._bounds.least:
            raise self._error(f"at least {self._bounds.least} bytes")

    def _error(self, allowed: str) -> BodyError:
        return BodyError(
            "value",
            f"{self._what} must have {allowed}.",
            path=self._path,
            found=f"{self.count} bytes",
            allowed=allowed,
            source=self._source,
        )


class BinaryBody(msgspec.Struct, frozen=True):
    """A body of bytes. ``source``: the pointer of its schema."""

    bounds: Bounds
    source: str = ""
    key: str = ""
    is_held: ClassVar[Literal[False]] = False

    def scanner(self) -> ByteCounter:
        """What counts a body as it comes."""
        return ByteCounter(self.bounds, source=self.source)
