"""How values are written as XML, by OpenAPI's ``xml`` object: which element or attribute each property is.

Without an ``xml`` object a property is an element of its name, a list is several elements of the list's name, and an
attribute says so. ``wrapped`` puts a list into an element of its own. A component that a property refers to may have a
name of its own: tools disagree which of the two counts, so either is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.graph import SchemaGraph
from portcullis.engine.openapi.parameters import READINGS
from portcullis.engine.openapi.shape_reading import UnsupportedError, fields_of, kinds_of

MAX_NODES: Final = 2_000
_LIBRARIES: Final = ("/components/schemas/", "/definitions/")
_NO_XML: Final[Mapping[str, Any]] = {}


class XmlName(msgspec.Struct, frozen=True):
    """A name of an element or attribute, and its namespace, ``None`` if the document does not say one."""

    local: str
    namespace: str | None = None


class XmlField(msgspec.Struct, frozen=True):
    """The place of a property: ``names`` it may have in the text, and the ``node`` that says what is in it.

    ``is_list``: it may be there several times, each time an item of a list.
    """

    property: str
    names: tuple[XmlName, ...]
    node: int
    is_list: bool = False


class XmlNode(msgspec.Struct, frozen=True):
    """What may be in an element.

    ``scalars``: the types of its text; ``nullable``: it may be null; ``attributes``, ``elements``: of an object;
    ``is_object``; ``is_open``: with fields that nobody declares; ``items``: of a list that the element is around.
    """

    scalars: tuple[str, ...] = ()
    nullable: bool = False
    is_object: bool = False
    is_open: bool = False
    attributes: tuple[XmlField, ...] = ()
    elements: tuple[XmlField, ...] = ()
    items: XmlField | None = None


_ANYTHING: Final = XmlNode(("string",), is_object=True, is_open=True)


class SpecXml(msgspec.Struct, frozen=True, tag="xml"):
    """``nodes``: what elements may hold, the root's first; ``root``: its names, none where any will do."""

    nodes: tuple[XmlNode, ...]
    root: tuple[XmlName, ...]


def read_xml(graph: SchemaGraph, schema: str | None) -> SpecXml:
    """How a value of the schema at the pointer ``schema`` is written. Raises ``UnsupportedError``."""
    if schema is None:
        return SpecXml((_ANYTHING,), ())
    reader = _XmlReader(graph)
    nodes = reader.read(schema)
    return SpecXml(nodes, tuple(reader.names_of(schema)))


_Place = tuple[tuple[str, ...], str]


class _XmlReader:
    """Collects the nodes of one body: each position in it once, so that recursive schemas end."""

    def __init__(self, graph: SchemaGraph) -> None:
        self.graph = graph
        self.numbers: dict[_Place, int] = {}
        self.pending: list[_Place] = []

    def read(self, schema: str) -> tuple[XmlNode, ...]:
        """The nodes of the schema at the pointer ``schema`` and of all that is in it."""
        nodes = []
        self._number((schema,), next((name.local for name in self.names_of(schema)), ""))
        while self.pending:
            nodes.append(self._node(*self.pending.pop(0)))
        return tuple(nodes)

    def names_of(self, schema: str) -> list[XmlName]:
        """The names that the schema at the pointer ``schema`` gives itself, or that it has as a component."""
        own = self._xml(schema)
        if isinstance(own.get("name"), str):
            return [XmlName(own["name"], _namespace(own))]
        if "$ref" in self.graph.view(schema):
            return self.names_of(self.graph.target(schema))
        component = next((name for name in map(schema.removeprefix, _LIBRARIES) if name != schema), "")
        if component and "/" not in component:
            return [XmlName(pointers.split(f"/{component}")[0], _namespace(own))]
        return []

    def _number(self, schemas: tuple[str, ...], name: str = "") -> int:
        """The number of the node of ``schemas``, which is read when its turn comes.

        ``name``: of the items, if it is a list that does not name them.
        """
        place = (schemas, name)
        if place not in self.numbers:
            if len(self.numbers) == MAX_NODES:
                raise UnsupportedError(f"its schema has more than {MAX_NODES:,} places in XML")
            self.numbers[place] = len(self.numbers)
            self.pending.append(place)
        return self.numbers[place]

    def _node(self, schemas: tuple[str, ...], name: str) -> XmlNode:
        kinds = kinds_of(self.graph, schemas)
        if kinds is None:
            return _ANYTHING
        is_object = "object" in kinds
        declared = fields_of(self.graph, schemas)
        attributes: list[XmlField] = []
        elements: list[XmlField] = []
        for key, below in declared.properties.items() if is_object else ():
            is_attribute = any(self._xml(each).get("attribute") is True for each in below)
            (attributes if is_attribute else elements).append(self._field(key, tuple(below)))
        items = self._items(name, tuple(declared.items)) if "array" in kinds else None
        return XmlNode(
            scalars=tuple(kind for kind in READINGS if kind in kinds),
            nullable="null" in kinds,
            is_object=is_object,
            is_open=is_object and (declared.is_open or bool(declared.extra) or not declared.properties),
            attributes=tuple(attributes),
            elements=tuple(elements),
            items=items,
        )

    def _field(self, name: str, schemas: tuple[str, ...]) -> XmlField:
        kinds = kinds_of(self.graph, schemas)
        if kinds is None or "array" not in kinds:
            return XmlField(name, self._names(name, schemas), self._number(schemas))
        if any(self._xml(each).get("wrapped") is True for each in schemas):
            return XmlField(name, self._names(name, schemas), self._number(schemas, name))
        items = self._items(name, tuple(fields_of(self.graph, schemas).items))
        return msgspec.structs.replace(items, property=name)

    def _items(self, name: str, schemas: tuple[str, ...]) -> XmlField:
        """The items of the list ``name``."""
        if not schemas:
            raise UnsupportedError(f"the list {name[:80]} does not say what its items are")
        return XmlField("", self._names(name, schemas), self._number(schemas), is_list=True)

    def _names(self, name: str, schemas: tuple[str, ...]) -> tuple[XmlName, ...]:
        """What the property ``name`` may be called in the text."""
        found: dict[XmlName, None] = {}
        for schema in schemas:
            own = self._xml(schema)
            said = own.get("name")
            found[XmlName(said if isinstance(said, str) else name, _namespace(own))] = None
            if not isinstance(said, str) and "$ref" in self.graph.view(schema):
                found |= dict.fromkeys(self.names_of(self.graph.target(schema)))
        return tuple(found)

    def _xml(self, schema: str) -> Mapping[str, Any]:
        found = self.graph.raw(schema, "xml")
        return found if isinstance(found, dict) else _NO_XML


def _namespace(xml: Mapping[str, Any]) -> str | None:
    namespace = xml.get("namespace")
    return namespace if isinstance(namespace, str) and namespace else None
