"""XML texts, parsed one way only.

Parsers of XML do a great deal that no API needs, and differ in the rest. So there are no document types here and no
entities of one's own (they read files, call other hosts, and grow without bound), no processing instructions, no other
encodings than UTF-8; and no comments and no CDATA beside text, since some services see only the text before them.

A text is read twice by the same parser (expat). First it only tells of what is not taken, and stops there; that costs
nothing for each element, unless there is CDATA to look at or so much markup that it has to be counted. What passes is
then built into elements by the parser itself, in C. An element takes 0.2 us so, where a call of Python for each took 3.
"""

from __future__ import annotations

from itertools import chain
from typing import Final

# What the first is given has passed what the second was set to refuse: all that the warnings about both are for.
from xml.etree.ElementTree import Element, XMLParser  # nosec B405
from xml.parsers import expat  # nosec B407

from portcullis.engine.openapi.bodies.errors import BodyError, Path
from portcullis.engine.openapi.bodies.text_body import read_text
from portcullis.engine.strict_json import Limits

__all__ = ["MAX_NAMESPACE", "Element", "parse_xml"]

MAX_NAMESPACE: Final = 256
"""Characters of the name of a namespace: the parser writes it out for every element in it."""

_BOM: Final = b"\xef\xbb\xbf"
_CDATA: Final = b"<![CDATA["
_ENCODINGS: Final = (None, "utf-8", "us-ascii")
_SEPARATOR: Final = "}"


def parse_xml(data: bytes, limits: Limits, path: Path = ()) -> Element:
    """The root element of the text ``data``; names are ``{namespace}local``. Raises :class:`BodyError`.

    ``limits``: ``depth`` of elements in one another; ``keys``: elements and attributes; ``string``: characters of a
    text.
    """
    read_text(data, path=path)
    _Guard(data, limits, path).check()
    parser = XMLParser(encoding="utf-8")  # noqa: S314  # nosec B314
    parser.feed(data)
    root: Element = parser.close()
    _check_depth(root, limits.depth, path)
    if len(data) > limits.string:
        _check_texts(root, limits.string, path)
    return root


class _Guard:
    """Refuses what is not taken, as the parser tells of it."""

    def __init__(self, data: bytes, limits: Limits, path: Path) -> None:
        self._data = data
        self._limits = limits
        self._path = path
        self._count = 0
        self._has_text = False  # since the last tag
        self._after_cdata = False
        self._in_cdata = False
        parser = self._parser = expat.ParserCreate("utf-8", _SEPARATOR)
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = self._document_type
        parser.StartNamespaceDeclHandler = self._namespace
        parser.CommentHandler = self._comment
        parser.ProcessingInstructionHandler = self._instruction
        has_cdata = _CDATA in data
        # No tag is without a "<", and no attribute without a "=": mostly that is enough to know.
        if has_cdata or data.count(b"<") - data.count(b"</") + data.count(b"=") > limits.keys:
            parser.StartElementHandler = self._start
        if has_cdata:
            parser.EndElementHandler = self._end
            parser.CharacterDataHandler = self._text
            parser.StartCdataSectionHandler = self._begin_cdata
            parser.EndCdataSectionHandler = self._end_cdata

    def check(self) -> None:
        """Read the text. Raises :class:`BodyError`."""
        if self._data.startswith(_BOM):
            raise self._error("it begins with a byte order mark")
        try:
            self._parser.Parse(self._data, True)
        except expat.ExpatError as error:
            raise self._error(f"not well-formed at line {error.lineno}, column {error.offset + 1}") from None

    def _error(self, reason: str) -> BodyError:
        detail = f"The XML can't be read: {reason}."
        return BodyError("malformed", detail, path=self._path, found=reason, allowed="XML 1.0 without a document type")

    def _declaration(self, version: str, encoding: str | None, _standalone: int) -> None:
        if version != "1.0":
            raise self._error("its version is not 1.0")
        if (encoding and encoding.lower()) not in _ENCODINGS:
            raise self._error("its encoding is not UTF-8")

    def _document_type(self, *_what: object) -> None:
        raise self._error("it has a document type")

    def _comment(self, _text: str) -> None:
        raise self._error("it has a comment")

    def _instruction(self, _target: str, _data: str) -> None:
        raise self._error("it has a processing instruction")

    def _namespace(self, _prefix: str | None, name: str | None) -> None:
        if name is not None and len(name) > MAX_NAMESPACE:
            raise _exceeds(f"at most {MAX_NAMESPACE} characters of the name of a namespace", self._path)

    def _start(self, _name: str, attributes: dict[str, str]) -> None:
        self._count += 1 + len(attributes)
        if self._count > self._limits.keys:
            raise _exceeds(f"at most {self._limits.keys} elements and attributes", self._path)
        self._has_text = self._after_cdata = False

    def _end(self, _name: str) -> None:
        self._has_text = self._after_cdata = False

    def _text(self, _text: str) -> None:
        if self._in_cdata:
            return
        if self._after_cdata:
            raise self._error("it has CDATA beside text")
        self._has_text = True

    def _begin_cdata(self) -> None:
        if self._has_text or self._after_cdata:
            raise self._error("it has CDATA beside text")
        self._in_cdata = True

    def _end_cdata(self) -> None:
        self._in_cdata, self._after_cdata = False, True


def _check_depth(root: Element, depth: int, path: Path) -> None:
    level = [root]
    for _ in range(depth):
        level = list(chain.from_iterable(level))
        if not level:
            return
    raise _exceeds(f"at most {depth} levels of elements", path)


def _check_texts(root: Element, length: int, path: Path) -> None:
    for element in root.iter():
        for text in (element.text or "", element.tail or "", *element.attrib.values()):
            if len(text) > length:
                raise _exceeds(f"at most {length} characters of text", path)


def _exceeds(allowed: str, path: Path) -> BodyError:
    return BodyError("limit", "The XML is too much.", path=path, allowed=allowed)
