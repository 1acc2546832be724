"""XML texts, parsed one way only.

Parsers of XML do a great deal that no API needs, and differ in the rest. So there are no document types here and no
entities of one's own (they read files, call other hosts, and grow without bound), no processing instructions, no other
encodings than UTF-8; and no comments and no CDATA beside text, since some services see only the text before them.
"""

from __future__ import annotations

from typing import Any, Final
from xml.etree.ElementTree import ParseError  # nosec B405 - the error only; defusedxml parses

import msgspec
from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import DefusedXMLParser  # type: ignore[import-untyped]

from portcullis.engine.openapi.bodies.errors import BodyError, Path
from portcullis.engine.openapi.bodies.text_body import read_text
from portcullis.engine.strict_json import Limits

Name = tuple[str | None, str]
"""Namespace and local name."""

_BOM: Final = "\ufeff"
_ENCODINGS: Final = (None, "utf-8", "us-ascii")


class Element(msgspec.Struct):
    """An element: its attributes, and the elements and the text in it, in order."""

    name: Name
    attributes: dict[Name, str]
    children: list[Element]
    pieces: list[str]

    @property
    def text(self) -> str:
        """All text directly in it."""
        return "".join(self.pieces)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is in it."""
        return not self.children and not self.pieces


def parse_xml(data: bytes, limits: Limits, path: Path = ()) -> Element:
    """The root element of the text ``data``. Raises :class:`BodyError`.

    ``limits``: ``depth`` of elements in one another; ``keys``: elements and attributes; ``string``: characters of a
    text.
    """
    text = read_text(data, path=path)
    builder = _Builder(limits, path)
    parser = DefusedXMLParser(target=builder, encoding="utf-8", forbid_dtd=True)
    parser.parser.XmlDeclHandler = builder.declaration
    parser.parser.StartCdataSectionHandler = builder.begin_cdata
    parser.parser.EndCdataSectionHandler = builder.end_cdata
    if text.startswith(_BOM):
        raise builder.error("it begins with a byte order mark")
    try:
        parser.feed(data)
        parser.close()
    except DefusedXmlException:
        raise builder.error("it has a document type") from None
    except ParseError as error:
        line, column = error.position
        raise builder.error(f"not well-formed at line {line}, column {column + 1}") from None
    assert builder.root is not None
    return builder.root


class _Builder:
    """Builds the elements as the parser tells of them, and stops it at what is not taken."""

    def __init__(self, limits: Limits, path: Path) -> None:
        self._limits = limits
        self._path = path
        self._open: list[Element] = []
        self._count = 0
        self._length = 0  # characters of the text that is being read
        self._after_cdata = False
        self._in_cdata = False
        self.root: Element | None = None

    def error(self, reason: str) -> BodyError:
        """The error that the text can't be read for ``reason``."""
        detail = f"The XML can't be read: {reason}."
        return BodyError("malformed", detail, path=self._path, found=reason, allowed="XML 1.0 without a document type")

    def declaration(self, version: str, encoding: str | None, _standalone: int) -> None:
        """The XML declaration."""
        if version != "1.0":
            raise self.error("its version is not 1.0")
        if (encoding and encoding.lower()) not in _ENCODINGS:
            raise self.error("its encoding is not UTF-8")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        self._count += 1 + len(attributes)
        if self._count > self._limits.keys:
            raise self._exceeds(f"at most {self._limits.keys} elements and attributes")
        if len(self._open) == self._limits.depth:
            raise self._exceeds(f"at most {self._limits.depth} levels of elements")
        if any(len(value) > self._limits.string for value in attributes.values()):
            raise self._exceeds(f"at most {self._limits.string} characters of text")
        element = Element(_name(tag), {_name(name): value for name, value in attributes.items()}, [], [])
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)
        self._length, self._after_cdata = 0, False

    def end(self, _tag: str) -> None:
        """It ends."""
        self._open.pop()
        self._length, self._after_cdata = 0, False

    def data(self, text: str) -> None:
        """Text in the element that is open."""
        if self._after_cdata and not self._in_cdata:
            raise self.error("it has CDATA beside text")
        self._length += len(text)
        if self._length > self._limits.string:
            raise self._exceeds(f"at most {self._limits.string} characters of text")
        self._open[-1].pieces.append(text)

    def begin_cdata(self) -> None:
        """A CDATA section begins."""
        if self._open[-1].pieces or self._after_cdata:
            raise self.error("it has CDATA beside text")
        self._in_cdata = True

    def end_cdata(self) -> None:
        """It ends."""
        self._in_cdata, self._after_cdata = False, True

    def comment(self, _text: str) -> None:
        """Refused."""
        raise self.error("it has a comment")

    def pi(self, _target: str, _data: Any = None) -> None:
        """Refused."""
        raise self.error("it has a processing instruction")

    def close(self) -> None:
        """The text is whole."""

    def _exceeds(self, allowed: str) -> BodyError:
        return BodyError("limit", "The XML is too much.", path=self._path, allowed=allowed)


def _name(tag: str) -> Name:
    """``{namespace}local``, as the parser writes it."""
    if tag.startswith("{"):
        namespace, _, local = tag[1:].rpartition("}")
        return namespace, local
    return None, tag
