"""XML: the value that a text says, by the places that its schema gives to properties in XML."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Final, Literal

import msgspec

from portcullis.engine.decision import shorten
from portcullis.engine.openapi.arguments.plans import Fits
from portcullis.engine.openapi.arguments.query import Undeclared
from portcullis.engine.openapi.bodies.errors import BodyError, Path
from portcullis.engine.openapi.bodies.roles import Content
from portcullis.engine.openapi.bodies.xml_text import Element, parse_xml
from portcullis.engine.openapi.parameters import READINGS
from portcullis.engine.openapi.xml_reading import SpecXml, XmlField, XmlName, XmlNode
from portcullis.engine.strict_json import Limits

_NIL: Final = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_BLANKS: Final = " \t\n"
_MAX_NAME: Final = 60
_TEXT: Final = ("string",)


class XmlBody(msgspec.Struct, frozen=True):
    """An XML body. ``fits``: the checker."""

    key: str
    reader: XmlReader
    fits: Fits
    is_held: ClassVar[Literal[True]] = True

    def read(self, data: bytes) -> Content:
        """What the body says: texts that may be of several types as the first that they can be, or as texts."""
        value = self.reader.read(data)
        if self.key and self.reader.is_ambiguous and not self.fits({self.key: value}):
            as_text = self.reader.read(data, prefer_text=True)
            if self.fits({self.key: as_text}):
                return Content(as_text)
        return Content(value)

    def write(self, data: bytes, value: Any) -> None:
        """Nothing is taken out of XML: it is refused."""


class XmlReader:
    """Reads texts as ``spec`` has them, within ``limits``.

    What is not declared is passed over if ``undeclared`` is ``allow``; else it is refused: XML is not written anew.
    """

    def __init__(self, spec: SpecXml, undeclared: Undeclared, limits: Limits) -> None:
        self._root = {_written(name): name.local for name in spec.root}
        self._nodes = [_Places(node) for node in spec.nodes]
        self._passes = undeclared == "allow"
        self._limits = limits
        self.is_ambiguous = any("string" in node.scalars and len(node.scalars) > 1 for node in spec.nodes)

    def read(self, data: bytes, path: Path = (), *, prefer_text: bool = False) -> Any:
        """The value of the text ``data``, which stands at ``path`` of a body. Raises :class:`BodyError`."""
        root = parse_xml(data, self._limits, path)
        if self._root and root.tag not in self._root:
            names = " or ".join(dict.fromkeys(self._root.values()))
            detail = f"The root element must be {names}."
            raise BodyError("value", detail, path=path, found=_shown(root.tag), allowed=names)
        return _Conversion(self._nodes, self._passes, prefer_text).value(root, 0, path)


_Declared = dict[str, XmlField]
"""Fields by the names of their elements or attributes, as the parser writes them."""


class _Places:
    """What may be in an element, by the names of what is in it."""

    def __init__(self, node: XmlNode) -> None:
        self.node = node
        self.attributes = _by_name(node.attributes)
        self.elements = _by_name(node.elements)
        self.items = _by_name((node.items,) if node.items is not None else ())
        self.properties = {field.property for field in (*node.attributes, *node.elements)}


def _by_name(fields: tuple[XmlField, ...]) -> _Declared:
    found: _Declared = {}
    for field in fields:
        for name in field.names:
            found.setdefault(_written(name), field)
    return found


def _written(name: XmlName) -> str:
    return name.local if name.namespace is None else f"{{{name.namespace}}}{name.local}"


class _Conversion:
    """Turns the elements of one text into a value."""

    def __init__(self, nodes: list[_Places], passes: bool, prefer_text: bool) -> None:
        self._nodes = nodes
        self._passes = passes
        self._prefer_text = prefer_text

    def value(self, element: Element, number: int, path: Path) -> Any:
        """The value of ``element``, which is what the node ``number`` describes."""
        places = self._nodes[number]
        node = places.node
        has_children = len(element) > 0
        has_attributes = bool(element.keys())
        if not has_children and not has_attributes and node.scalars:
            return self._scalar(element.text or "", element.tag, node, path)
        if has_attributes and node.nullable and element.get(_NIL) in ("true", "1") and _is_empty(element):
            return None
        if node.items is not None and not node.is_object and (has_children or not node.scalars):
            return self._list(element, places, node.items, path)
        if node.is_object and (has_children or has_attributes or not node.scalars):
            return self._object(element, places, path)
        if has_children or has_attributes:
            raise _undeclared(element[0].tag if has_children else next(iter(element.attrib)), path)
        return self._scalar(element.text or "", element.tag, node, path)

    def _scalar(self, text: str, name: str, node: XmlNode, path: Path) -> Any:
        kinds = node.scalars
        if kinds[:1] == _TEXT or (self._prefer_text and "string" in kinds):
            return text
        for kind in kinds:
            try:
                return READINGS[kind](text if kind == "string" else text.strip(_BLANKS))
            except ValueError:
                continue
        if node.nullable and not text.strip(_BLANKS):
            return None
        allowed = " or ".join(kinds) or "nothing"
        detail = f"The element {_shown(name)} must be {allowed}."
        raise BodyError("type", detail, path=path, found="text", allowed=allowed)

    def _list(self, element: Element, places: _Places, items: XmlField, path: Path) -> list[Any]:
        _no_text(element, path)
        for name in element.attrib:
            self._not_declared(name, path)
        found: list[Any] = []
        around = _namespace(element.tag)
        for child in element:
            if _find(places.items, child.tag, around) is None:
                self._not_declared(child.tag, path)
            else:
                found.append(self.value(child, items.node, (*path, len(found))))
        return found

    def _object(self, element: Element, places: _Places, path: Path) -> dict[str, Any]:
        _no_text(element, path)
        found: dict[str, Any] = {}
        for name, text in element.items():
            field = places.attributes.get(name)
            if field is not None:
                key = field.property
                found[key] = self._attribute(name, text, field.node, (*path, key))
            elif name != _NIL:
                self._further(name, text, places, found, path)
        around = _namespace(element.tag)
        for child in element:
            field = _find(places.elements, child.tag, around)
            if field is None:
                self._further(child.tag, child, places, found, path)
                continue
            key = field.property
            if field.is_list:
                items = found.setdefault(key, [])
                items.append(self.value(child, field.node, (*path, key, len(items))))
            elif key in found:
                raise _repeated(child.tag, (*path, key))
            else:
                found[key] = self.value(child, field.node, (*path, key))
        return found

    def _attribute(self, name: str, text: str, number: int, path: Path) -> Any:
        leaf = Element(name)
        leaf.text = text
        return self.value(leaf, number, path)

    def _further(self, name: str, what: str | Element, places: _Places, found: dict[str, Any], path: Path) -> None:
        """Something that has no place: in an object that may have any field it is one."""
        local = _local(name)
        if not places.node.is_open or local in places.properties:
            self._not_declared(name, path)
        elif local in found:
            raise _repeated(name, (*path, local))
        else:
            found[local] = what if isinstance(what, str) else _plain(what, (*path, local))

    def _not_declared(self, name: str, path: Path) -> None:
        if not self._passes:
            raise _undeclared(name, path)


def _find(declared: _Declared, name: str, around: str) -> XmlField | None:
    """What the element ``name`` is; one that is declared without a namespace may have that of what is ``around``."""
    field = declared.get(name)
    if field is None and around and name.startswith(around):
        field = declared.get(name[len(around) :])
    return field


def _namespace(name: str) -> str:
    """The namespace of ``name`` as it is written before it: ``{urn:x}``, or nothing."""
    return name[: name.rfind("}") + 1]


def _local(name: str) -> str:
    return name[name.rfind("}") + 1 :]


def _shown(name: str) -> str:
    return shorten(_local(name), _MAX_NAME)


def _is_empty(element: Element) -> bool:
    return not len(element) and not element.text


def _plain(element: Element, path: Path) -> Any:
    """An element of which nothing is declared: its text, or an object of what is in it."""
    if not len(element) and not element.keys():
        return element.text or ""
    _no_text(element, path)
    found: dict[str, Any] = {}
    repeated: dict[str, list[Any]] = {}
    for name, value in _within(element, path):
        if name in repeated:
            repeated[name].append(value)
        elif name in found:
            found[name] = repeated[name] = [found[name], value]
        else:
            found[name] = value
    return found


def _within(element: Element, path: Path) -> Iterator[tuple[str, Any]]:
    for name, text in element.items():
        yield _local(name), text
    for child in element:
        local = _local(child.tag)
        yield local, _plain(child, (*path, local))


def _no_text(element: Element, path: Path) -> None:
    """Refuse ``element`` if anything but blanks is directly in it."""
    texts = [element.text, *(child.tail for child in element)]
    if any(text and text.strip(_BLANKS) for text in texts):
        detail = f"The element {_shown(element.tag)} has text beside its elements."
        raise BodyError("malformed", detail, path=path, found="text", allowed="elements only")


def _repeated(name: str, path: Path) -> BodyError:
    detail = f"{_shown(name)} is given more than once."
    return BodyError("duplicate", detail, path=path, allowed="one of them")


def _undeclared(name: str, path: Path) -> BodyError:
    local = _shown(name)
    return BodyError("undeclared", f"{local} is not declared.", path=(*path, local), allowed="what is declared")
