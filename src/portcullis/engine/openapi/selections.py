"""How a choice by a tag is written: as alternatives that begin with the question whether the tag selects them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from portcullis.engine.openapi.discriminators import Tags
from portcullis.engine.openapi.violations import SOURCE, TAG, Schema


def branches(tags: Tags, keyword: str, parts: Iterable[str], schemas: list[Schema]) -> Iterator[Schema]:
    """The alternatives ``schemas`` of ``keyword``, each for objects that its tag selects; ``parts``: their pointers.

    Where the tag need not be there, an object without it may fit any of them, as ``keyword`` has it.
    """
    untagged = []
    for values, part, schema in zip(tags.values, parts, schemas, strict=True):
        if isinstance(schema, dict) and schema.keys() != {"$ref"}:
            schema[SOURCE] = part
        if values:
            yield when(tags.name, values, schema)
            untagged.append(schema)
        else:
            yield schema
    if not tags.is_required:
        yield {"type": "object", "not": {"required": [tags.name]}, keyword: untagged}


def when(tag: str, values: Iterable[str], schema: Schema) -> Schema:
    """``schema`` for objects whose ``tag`` has one of ``values``. The cheap question comes first."""
    values = list(values)
    if schema is False:
        return False
    only = {"const": values[0]} if len(values) == 1 else {"enum": values}
    guard: dict[str, Any] = {TAG: values, "properties": {tag: only}, "required": [tag]}
    if isinstance(schema, dict) and schema.keys() == {"$ref"}:
        return {**guard, **schema}
    return {**guard, "allOf": [schema]}
