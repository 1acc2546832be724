r"""How large and how deep a value can be that fits its schema, where the schema says so.

A schema with bounds on all its parts has a largest value, and so there is a largest body: what is larger need not be
read to be refused. The bound is generous: every character may be escaped, and everything may stand on a line of its
own, indented. It holds for values without undeclared fields, and wherever a schema leaves something open there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final
from weakref import WeakKeyDictionary

import msgspec
import orjson

from portcullis.engine.openapi import pointer as pointers
from portcullis.engine.openapi.graph import SchemaGraph, View
from portcullis.engine.openapi.shape_reading import fields_of, kinds_of

ESCAPED: Final = 12
r"""Bytes of one character in JSON: a pair of surrogates, each as ``\uXXXX``."""

_NUMBER: Final = 40
_LINE: Final = 48
"""Bytes around a value: a line end, how far it is indented, a comma."""
# Characters of a text of a format; with room where its grammar sets no end.
_FORMATS: Final = {"uuid": 36, "date": 10, "date-time": 64, "time": 48, "ipv4": 15, "ipv6": 45}
_MAX_MEMBERS: Final = 200
_MAX_LEVELS: Final = 60
_Pointers = tuple[str, ...]


class Size(msgspec.Struct, frozen=True):
    """The most that a value can be: ``length`` bytes as JSON, ``depth`` arrays and objects in one another.

    ``None``: there is no bound.
    """

    length: int | None
    depth: int | None


UNBOUNDED: Final = Size(None, None)


def size_of(graph: SchemaGraph, *schemas: str) -> Size:
    """The most that a value can be that ``schemas`` (pointers) allow, undeclared fields left aside."""
    return _measure(graph).size(schemas, ())


def longest_text(graph: SchemaGraph, *schemas: str) -> int | None:
    """The most characters (of bytes: bytes) of a text that ``schemas`` allow."""
    return _measure(graph).most(schemas, _own_length)


def most_items(graph: SchemaGraph, *schemas: str) -> int | None:
    """The most items of a list that ``schemas`` allow."""
    return _measure(graph).most(schemas, _own_items)


_Own = Callable[[View], int | None]
"""The bound that a schema sets by its own keywords, not counting those that hold with it."""


class _Known(msgspec.Struct):
    sizes: dict[_Pointers, Size]
    bounds: dict[tuple[_Own, str], int | None]


_known: Final[WeakKeyDictionary[SchemaGraph, _Known]] = WeakKeyDictionary()


def _measure(graph: SchemaGraph) -> _Measure:
    known = _known.get(graph)
    if known is None:
        known = _known[graph] = _Known({}, {})
    return _Measure(graph, known)


class _Measure:
    """Measures what the schemas of one value say together, each once."""

    def __init__(self, graph: SchemaGraph, known: _Known) -> None:
        self.graph = graph
        self.known = known.sizes
        self.bounds = known.bounds

    def size(self, schemas: _Pointers, trail: tuple[_Pointers, ...]) -> Size:
        """The size of a value that ``schemas`` speak of; ``trail``: the schemas of what is around it."""
        if schemas in trail or len(trail) == _MAX_LEVELS:
            return UNBOUNDED
        if schemas not in self.known:
            self.known[schemas] = self._size(schemas, (*trail, schemas))
        return self.known[schemas]

    def most(self, schemas: _Pointers, own: _Own) -> int | None:
        """The largest of the bounds that any of ``schemas`` sets."""
        return _most(self._bound(schema, own, 0) for schema in schemas)

    def _bound(self, pointer: str, own: _Own, depth: int) -> int | None:
        """The least of what the schema at ``pointer`` and all that hold with it allow, by what each says itself."""
        key = (own, pointer)
        if key in self.bounds or depth == _MAX_LEVELS:
            return self.bounds.get(key)
        self.bounds[key] = None  # where it leads back here it says nothing more
        view = self.graph.view(pointer)
        bounds = [own(view), *(self._bound(part, own, depth + 1) for part in self.graph.parts(pointer))]
        for keyword in ("anyOf", "oneOf"):
            if view.get(keyword):
                alternatives = (pointers.join(pointer, keyword, index) for index in range(len(view[keyword])))
                bounds.append(_most(self._bound(each, own, depth + 1) for each in alternatives))
        found = self.bounds[key] = min((bound for bound in bounds if bound is not None), default=None)
        return found

    def _size(self, schemas: _Pointers, trail: tuple[_Pointers, ...]) -> Size:
        listed = self.most(schemas, _own_values)
        if listed is not None:
            return Size(listed, 0 if self._is_flat(schemas) else None)
        kinds = kinds_of(self.graph, schemas)
        if kinds is None:
            return UNBOUNDED
        sizes = [self._of_kind(kind, schemas, trail) for kind in kinds]
        return Size(_most(size.length for size in sizes), _most(size.depth for size in sizes))

    def _of_kind(self, kind: str, schemas: _Pointers, trail: tuple[_Pointers, ...]) -> Size:
        match kind:
            case "object":
                return self._object(schemas, trail)
            case "array":
                return self._array(schemas, trail)
            case "string":
                length = self.most(schemas, _own_length)
                return Size(None if length is None else ESCAPED * length + 2, 0)
            case _:
                return Size(_NUMBER, 0)

    def _is_flat(self, schemas: _Pointers) -> bool:
        kinds = kinds_of(self.graph, schemas)
        return kinds is not None and not {"object", "array"} & {*kinds}

    def _array(self, schemas: _Pointers, trail: tuple[_Pointers, ...]) -> Size:
        fields = fields_of(self.graph, schemas)
        if not fields.items:
            return UNBOUNDED
        sizes = [self.size(tuple(each), trail) for each in (fields.items, *fields.prefix)]
        depth = _most(size.depth for size in sizes)
        length = _most(size.length for size in sizes)
        items = self.most(schemas, _own_items)
        return Size(
            None if length is None or items is None else 2 + _LINE + items * (length + _LINE),
            None if depth is None else depth + 1,
        )

    def _object(self, schemas: _Pointers, trail: tuple[_Pointers, ...]) -> Size:
        fields = fields_of(self.graph, schemas)
        if fields.is_open or self._leaves_open(schemas, set(fields.properties)):
            return UNBOUNDED
        if not fields.properties and not fields.extra and not fields.is_closed:
            return UNBOUNDED
        below = {name: self.size(tuple(each), trail) for name, each in fields.properties.items()}
        extra = [self.size((schema,), trail) for schema in fields.extra]
        depth = _most(size.depth for size in (*below.values(), *extra)) if below or extra else 0
        length = None if extra else _sum(_field(name, size.length) for name, size in below.items())
        return Size(length, None if depth is None else depth + 1)

    def _leaves_open(self, schemas: _Pointers, declared: set[str]) -> bool:
        """Whether fields may be there that ``properties`` do not declare.

        They may be if an alternative says nothing about fields, if a discriminator lets other schemas stand in, or if
        fields are required that are not declared.
        """
        for count, here in enumerate(_members(self.graph, schemas)):
            view = self.graph.view(here)
            if count == _MAX_MEMBERS or "dependentSchemas" in view or not declared.issuperset(view.get("required", ())):
                return True
            if self.graph.raw(here, "discriminator") is not None:
                return True
            for keyword in ("anyOf", "oneOf"):
                for index in range(len(view.get(keyword, ()))):
                    alternative = (pointers.join(here, keyword, index),)
                    kinds = kinds_of(self.graph, alternative)
                    if (kinds is None or "object" in kinds) and not fields_of(self.graph, alternative).properties:
                        return True
        return False


def _members(graph: SchemaGraph, schemas: _Pointers) -> Iterator[str]:
    """The schemas that speak of the value that ``schemas`` speak of."""
    seen: set[str] = set()
    pending = list(schemas)
    while pending:
        here = pending.pop()
        if here in seen:
            continue
        seen.add(here)
        yield here
        view = graph.view(here)
        pending += graph.parts(here)
        for keyword in ("anyOf", "oneOf"):
            pending += (pointers.join(here, keyword, index) for index in range(len(view.get(keyword, ()))))
        pending += (f"{here}/{keyword}" for keyword in ("then", "else") if keyword in view)


def _own_length(view: View) -> int | None:
    bounds = [view.get("maxLength"), _FORMATS.get(view.get("format", "")), _longest_of(view)]
    if view.get("type", "string") not in ("string", ["string"]):
        bounds.append(_NUMBER if _is_scalar(view["type"]) else None)
    return min((int(bound) for bound in bounds if isinstance(bound, int | float)), default=None)


def _is_scalar(types: Any) -> bool:
    return not {"string", "array", "object"} & {*([types] if isinstance(types, str) else types)}


def _longest_of(view: View) -> int | None:
    values = view["enum"] if "enum" in view else [view["const"]] if "const" in view else None
    return None if values is None else max((len(str(value)) for value in values), default=0)


def _own_values(view: View) -> int | None:
    values = view["enum"] if "enum" in view else [view["const"]] if "const" in view else None
    return None if values is None else max((_written(value) for value in values), default=0)


def _own_items(view: View) -> int | None:
    most = view.get("maxItems")
    return int(most) if isinstance(most, int | float) else None


def _written(value: object) -> int:
    """Bytes of ``value`` as JSON, however it is written."""
    if isinstance(value, str):
        return ESCAPED * len(value) + 2
    if isinstance(value, dict | list):
        return ESCAPED * len(orjson.dumps(value)) + _LINE
    return _NUMBER


def _field(name: str, length: int | None) -> int | None:
    return None if length is None else ESCAPED * len(name) + 4 + length + _LINE


def _most(bounds: Iterable[int | None]) -> int | None:
    """The largest of ``bounds``, none if one of them is."""
    most = 0
    for bound in bounds:
        if bound is None:
            return None
        most = max(most, bound)
    return most


def _sum(bounds: Iterable[int | None]) -> int | None:
    total = 2 + _LINE
    for bound in bounds:
        if bound is None:
            return None
        total += bound
    return total
