"""Which schemas speak of bytes instead of text: the contents of files, images, archives.

OpenAPI 3.0 and Swagger 2.0 say so by ``format: binary`` (``type: file``), OpenAPI 3.1 by a ``contentMediaType`` without
a ``contentEncoding``, or by no schema at all. Lengths of such a schema count bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from portcullis.engine.openapi.body_sizes import longest_text
from portcullis.engine.openapi.graph import SchemaGraph

MAX_SHORTEST: Final = 1024 * 1024
_MAX_PARTS: Final = 100


class Bounds(msgspec.Struct, frozen=True):
    """The least and the most bytes; ``most`` is ``None`` where there is no bound."""

    least: int = 0
    most: int | None = None


def says_bytes(graph: SchemaGraph, *schemas: str) -> bool:
    """Whether one of ``schemas`` (pointers), or a part of it, says that its values are bytes."""
    return any(_says_bytes(graph, each) for each in _parts(graph, schemas))


def bounds_of(graph: SchemaGraph, *schemas: str) -> Bounds:
    """How many bytes ``schemas``, which speak of bytes, allow."""
    shortest = [graph.view(each).get("minLength", 0) for each in _parts(graph, schemas)]
    return Bounds(max((int(each) for each in shortest), default=0), longest_text(graph, *schemas))


def _says_bytes(graph: SchemaGraph, pointer: str) -> bool:
    if graph.raw(pointer, "format") == "binary" or graph.raw(pointer, "type") == "file":
        return True
    media_type = graph.raw(pointer, "contentMediaType")
    return isinstance(media_type, str) and graph.raw(pointer, "contentEncoding") is None and not _is_text(media_type)


def _is_text(media_type: str) -> bool:
    return media_type.startswith("text/") or media_type.endswith(("/json", "+json", "/xml", "+xml"))


def _parts(graph: SchemaGraph, schemas: tuple[str, ...]) -> Iterator[str]:
    """``schemas`` and what each consists of (``$ref``, ``allOf``)."""
    seen: set[str] = set()
    pending = list(schemas)
    while pending and len(seen) < _MAX_PARTS:
        here = pending.pop()
        if here not in seen:
            seen.add(here)
            yield here
            pending += graph.parts(here)
