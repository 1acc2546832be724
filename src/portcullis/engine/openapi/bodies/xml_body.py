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
from portcullis.engine.openapi.bodies.xml_text import Element, Name, parse_xml
from portcullis.engine.openapi.parameters import READINGS
from portcullis.engine.openapi.xml_reading import SpecXml, XmlField, XmlName, XmlNode
from portcullis.engine.strict_json import Limits

_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
_NIL: Final[Name] = (_XSI, "nil")
_MAX_NAME: Final = 60


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
        self._root = spec.root
        self._nodes = [_Places(node) for node in spec.nodes]
        self._passes = undeclared == "allow"
        self._limits = limits
        self.is_ambiguous = any("string" in node.scalars and len(node.scalars) > 1 for node in spec.nodes)

    def read(self, data: bytes, path: Path = (), *, prefer_text: bool = False) -> Any:
        """The value of the text ``data``, which stands at ``path`` of a body. Raises :class:`BodyError`."""
        root = parse_xml(data, self._limits, path)
        if self._root and not any(_matches(root.name, name, None) for name in self._root):
            names = " or ".join(dict.fromkeys(name.local for name in self._root))
            detail = f"The root element must be {names}."
            raise BodyError("value", detail, path=path, found=shorten(root.name[1], _MAX_NAME), allowed=names)
        return _Conversion(self._nodes, self._passes, prefer_text).value(root, 0, path)


class _Places:
    """What may be in an element, by the local names of what is in it."""

    def __init__(self, node: XmlNode) -> None:
        self.node = node
        self.attributes = _by_local_name(node.attributes)
        self.elements = _by_local_name(node.elements)
        self.items = _by_local_name((node.items,) if node.items is not None else ())
        self.properties = {field.property for field in (*node.attributes, *node.elements)}


_Declared = dict[str, list[tuple[XmlName, XmlField]]]


def _by_local_name(fields: tuple[XmlField, ...]) -> _Declared:
    found: _Declared = {}
    for field in fields:
        for name in field.names:
            found.setdefault(name.local, []).append((name, field))
    return found


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
        if element.attributes.get(_NIL) in ("true", "1") and node.nullable and element.is_empty:
            return None
        if node.items is not None and not node.is_object and (element.children or not node.scalars):
            return self._list(element, places, path)
        if node.is_object and (element.children or element.attributes or not node.scalars):
            return self._object(element, places, path)
        if element.children or element.attributes:
            child = next(iter(element.children), None)
            name = child.name if child is not None else next(iter(element.attributes))
            raise _undeclared(name, path)
        return self._scalar(element, node, path)

    def _scalar(self, element: Element, node: XmlNode, path: Path) -> Any:
        text = element.text
        kinds = node.scalars
        if self._prefer_text and "string" in kinds:
            return text
        for kind in kinds:
            try:
                return READINGS[kind](text if kind == "string" else text.strip(" \t\n"))
            except ValueError:
                continue
        if node.nullable and not text.strip():
            return None
        allowed = " or ".join(kinds) or "nothing"
        detail = f"The element {shorten(element.name[1], _MAX_NAME)} must be {allowed}."
        raise BodyError("type", detail, path=path, found="text", allowed=allowed)

    def _list(self, element: Element, places: _Places, path: Path) -> list[Any]:
        _no_text(element, path)
        for name in element.attributes:
            self._not_declared(name, path)
        items: list[Any] = []
        for child in element.children:
            field = _find(places.items, child.name, element.name[0])
            if field is None:
                self._not_declared(child.name, path)
            else:
                items.append(self.value(child, field.node, (*path, len(items))))
        return items

    def _object(self, element: Element, places: _Places, path: Path) -> dict[str, Any]:
        _no_text(element, path)
        found: dict[str, Any] = {}
        for name, text in element.attributes.items():
            field = _find(places.attributes, name, None)
            if field is not None:
                leaf = Element(name, {}, [], [text])
                found[field.property] = self.value(leaf, field.node, (*path, field.property))
            elif name != _NIL:
                self._further(name, text, places, found, path)
        for child in element.children:
            field = _find(places.elements, child.name, element.name[0])
            if field is None:
                self._further(child.name, child, places, found, path)
            elif field.is_list:
                items = found.setdefault(field.property, [])
                items.append(self.value(child, field.node, (*path, field.property, len(items))))
            elif field.property in found:
                raise _repeated(child.name, (*path, field.property))
            else:
                found[field.property] = self.value(child, field.node, (*path, field.property))
        return found

    def _further(self, name: Name, what: str | Element, places: _Places, found: dict[str, Any], path: Path) -> None:
        """Something that has no place: in an object that may have any field it is one."""
        local = name[1]
        if not places.node.is_open or local in places.properties:
            self._not_declared(name, path)
        elif local in found:
            raise _repeated(name, (*path, local))
        else:
            found[local] = what if isinstance(what, str) else _plain(what, (*path, local))

    def _not_declared(self, name: Name, path: Path) -> None:
        if not self._passes:
            raise _undeclared(name, path)


def _find(declared: _Declared, name: Name, around: str | None) -> XmlField | None:
    for candidate, field in declared.get(name[1], ()):
        if _matches(name, candidate, around):
            return field
    return None


def _matches(name: Name, declared: XmlName, around: str | None) -> bool:
    """Whether ``name`` is the one that is declared; one without a namespace may have that of what is ``around``."""
    if name[1] != declared.local:
        return False
    return name[0] == declared.namespace or (declared.namespace is None and name[0] == around)


def _plain(element: Element, path: Path) -> Any:
    """An element of which nothing is declared: its text, or an object of what is in it."""
    if not element.children and not element.attributes:
        return element.text
    _no_text(element, path)
    found: dict[str, Any] = {}
    for name, value in _within(element, path):
        if name in found:
            found[name] = [*found[name], value] if isinstance(found[name], list) else [found[name], value]
        else:
            found[name] = value
    return found


def _within(element: Element, path: Path) -> Iterator[tuple[str, Any]]:
    for name, text in element.attributes.items():
        yield name[1], text
    for child in element.children:
        yield child.name[1], _plain(child, (*path, child.name[1]))


def _no_text(element: Element, path: Path) -> None:
    if element.text.strip(" \t\n"):
        name = shorten(element.name[1], _MAX_NAME)
        detail = f"The element {name} has text beside its elements."
        raise BodyError("malformed", detail, path=path, found="text", allowed="elements only")


def _repeated(name: Name, path: Path) -> BodyError:
    detail = f"{shorten(name[1], _MAX_NAME)} is given more than once."
    return BodyError("duplicate", detail, path=path, allowed="one of them")


def _undeclared(name: Name, path: Path) -> BodyError:
    local = shorten(name[1], _MAX_NAME)
    return BodyError("undeclared", f"{local} is not declared.", path=(*path, local), allowed="what is declared")
