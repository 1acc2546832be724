"""Text in UTF-8. Where its schema asks for something it is held back and read as a value; else it streams."""

from __future__ import annotations

import codecs
from typing import Any, ClassVar, Literal

import msgspec

from portcullis.engine.media_type import MediaType
from portcullis.engine.openapi.arguments.plans import Fits
from portcullis.engine.openapi.arguments.values import candidates
from portcullis.engine.openapi.bodies.errors import BodyError, Path
from portcullis.engine.openapi.bodies.roles import Content
from portcullis.engine.openapi.parameters import Shape

_CHARSETS = (None, "utf-8", "utf8", "us-ascii")
# A part of a body is called by its name, whatever that is.
_THE_BODY = "The body"


def is_utf8(media_type: MediaType) -> bool:
    """Whether text of ``media_type`` is in UTF-8, or in ASCII, which is the same there."""
    return media_type.parameter("charset") in _CHARSETS


def read_text(data: bytes, what: str = _THE_BODY, path: Path = ()) -> str:
    """The text ``data``, which is called ``what``. Raises :class:`BodyError` if it is not UTF-8, or holds NUL."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise _not_utf8(what, path) from None
    if "\0" in text:
        raise _holds_nul(what, path)
    return text


def typed(text: str, shape: Shape, key: str, fits: Fits) -> Any:
    """The first value of ``shape`` that ``text`` can be read as and that fits ``key``, or the first of all.

    Raises ``ValueError`` if there is none.
    """
    values = candidates(text, shape)
    if not values:
        raise ValueError
    return next((value for value in values if not key or fits({key: value})), values[0])


class TextBody(msgspec.Struct, frozen=True):
    """A body of text, of the types of ``shape``. ``fits``: the checker."""

    key: str
    shape: Shape
    fits: Fits
    is_held: ClassVar[Literal[True]] = True

    def read(self, data: bytes) -> Content:
        """What the body says."""
        text = read_text(data)
        try:
            return Content(typed(text, self.shape, self.key, self.fits))
        except ValueError:
            kinds = " or ".join(self.shape.scalars)
            raise BodyError("type", f"The body must be {kinds}.", found="text", allowed=kinds) from None

    def write(self, data: bytes, value: Any) -> bytes:
        """``data``: nothing can be taken out of text."""
        del value
        return data


class FreeTextBody(msgspec.Struct, frozen=True):
    """A body of which only one thing is asked: to be text."""

    key: str = ""
    is_held: ClassVar[Literal[False]] = False

    def scanner(self) -> TextScanner:
        """What looks at a body as it comes."""
        return TextScanner()


class TextScanner:
    """Sees to it that a body that streams is text."""

    __slots__ = ("_decode",)

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("strict").decode

    def feed(self, data: bytes) -> None:
        """Look at the next piece."""
        if b"\0" in data:
            raise _holds_nul(_THE_BODY, ())
        self._advance(data, final=False)

    def end(self) -> None:
        """The body is whole."""
        self._advance(b"", final=True)

    def _advance(self, data: bytes, *, final: bool) -> None:
        try:
            self._decode(data, final)
        except UnicodeDecodeError:
            raise _not_utf8(_THE_BODY, ()) from None


def _not_utf8(what: str, path: Path) -> BodyError:
    return BodyError("malformed", f"{what} is not text in UTF-8.", path=path, found="other bytes", allowed="UTF-8")


def _holds_nul(what: str, path: Path) -> BodyError:
    detail = f"{what} holds NUL, which is no text."
    return BodyError("malformed", detail, path=path, found="NUL", allowed="text without U+0000")
