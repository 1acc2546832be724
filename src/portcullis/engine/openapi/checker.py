"""One compiled validator for all positions of a document, and explanations of what it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
import orjson

from portcullis.engine.openapi.compiling import compile_schema
from portcullis.engine.openapi.violations import SOURCE, Explainer, Schema, Violation

_REFERENCE: Final = re.compile(rb'"\$ref": ?"#/\$defs/([^"]++)"')
"""In the text of a definition: that it refers to another. In a string of the document it does no harm."""


class Definitions(msgspec.Struct, frozen=True):
    """Translated schemas as they are kept: ``texts`` of JSON by name, and ``sources``, where in the document they are.

    Only explanations need them once more, when they are compiled. As text they take a tenth of the memory.
    """

    texts: dict[str, bytes]
    sources: dict[str, str]


def pack(definitions: Mapping[str, Schema], sources: Mapping[str, str] | None = None) -> Definitions:
    """``definitions`` by name, to be kept."""
    return Definitions({name: _text(schema) for name, schema in definitions.items()}, dict(sources or {}))


class Checker:
    """Checks values against ``definitions``. Raises ``ValueError`` if one of them is no schema.

    ``fits({"17": value, "20": other})`` says whether each value fits the definition it stands under. It takes
    microseconds, does not depend on how cleverly the value is made, and is all that a right request costs.
    """

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._validator = compile_schema(_wrapped(definitions.texts))
        self.fits: Callable[[Mapping[str, Any]], bool] = self._validator.is_valid

    def schema(self, name: str) -> Schema:
        """The definition ``name``, which says where it comes from. Made anew each time."""
        schema: Schema = json.loads(self._definitions.texts[name])
        source = self._definitions.sources.get(name)
        if source is not None and isinstance(schema, dict) and schema.keys() != {"$ref"}:
            schema[SOURCE] = source
        return schema

    def violations(self, name: str, value: object, *, budget: int = 2_000, limit: int = 16) -> tuple[Violation, ...]:
        """What is wrong with ``value`` by the definition ``name``. Raises
        :class:`~portcullis.engine.openapi.violations.TooComplexError` where that would take too long to find out.
        """
        parsed: dict[str, Schema] = {}

        def resolve(reference: str) -> Schema:
            name = name_of(reference)
            if name not in parsed:
                parsed[name] = self.schema(name)
            return parsed[name]

        def fits(reference: str, value: object) -> bool:
            return self.fits({name_of(reference): value})

        explainer = Explainer(resolve, fits, budget, limit)
        return explainer.violations(resolve(name), value)


def name_of(reference: str) -> str:
    """The name of the definition that a ``$ref`` between definitions leads to."""
    return reference.removeprefix("#/$defs/")


def _wrapped(texts: Mapping[str, bytes]) -> str:
    """One schema for all of ``texts``: for objects that hold a value under the name of each.

    What no other refers to stands where it is asked for. It could be referred to as the others are, but a reference
    costs something whenever it is followed, and half as much again to compile.
    """
    shared = {name for text in texts.values() for name in _REFERENCE.findall(text)}
    named = [(name.encode(), text) for name, text in texts.items()]
    properties = b",".join(
        b'"%b":{"$ref":"#/$defs/%b"}' % (name, name) if name in shared else b'"%b":%b' % (name, text)
        for name, text in named
    )
    defs = b",".join(b'"%b":%b' % (name, text) for name, text in named if name in shared)
    return (b'{"properties":{%b},"$defs":{%b}}' % (properties, defs)).decode()


def _text(schema: Schema) -> bytes:
    try:
        return bytes(memoryview(orjson.dumps(schema)))  # a copy: what orjson gives keeps a larger buffer
    except TypeError:  # integers over 64 bits: such bounds may stand in documents
        return json.dumps(schema).encode()
