"""From the texts of a value to the value, by its shape.

Where a schema leaves a text several types (``anyOf: [{type: integer}, {enum: [today]}]``) there are several values
to be tried. Their number is bounded, however many texts have been sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product
from typing import Any, Final

from portcullis.engine.openapi.arguments.errors import Path
from portcullis.engine.openapi.arguments.splitting import Parts
from portcullis.engine.openapi.parameters import READINGS, TEXT, Shape

MAX_CANDIDATES: Final = 32
"""Ways to read one object that are tried."""


def candidates(parts: Parts, shape: Shape) -> list[Any]:
    """The values of ``shape`` that ``parts`` can be read as, the likeliest first; empty if there is none."""
    if isinstance(parts, str):
        return _scalars(parts, shape.scalars)
    if isinstance(parts, list):
        return _lists(parts, shape)
    return _objects(parts, shape)


def _scalars(text: str, kinds: tuple[str, ...]) -> list[Any]:
    values = []
    for kind in kinds:
        try:
            values.append(READINGS[kind](text))
        except ValueError:
            continue
    return values


def _lists(parts: list[Parts], shape: Shape) -> list[Any]:
    """Each item as the first type it can be, then all as the next one: not every combination."""
    if shape.items is None:
        return []
    items = [candidates(part, shape.item(index) or TEXT) for index, part in enumerate(parts)]
    if not all(items):
        return []
    most = max(map(len, items), default=1)
    return [[each[min(choice, len(each) - 1)] for each in items] for choice in range(most)]


def _objects(parts: dict[str, Parts], shape: Shape) -> list[Any]:
    if shape.properties is None:
        return []
    # What is not declared is kept as text: it is for the checker to say whether it may be there.
    fields = [candidates(part, shape.field(name) or TEXT) for name, part in parts.items()]
    if not all(fields):
        return []
    return [dict(zip(parts, choice, strict=True)) for choice in islice(product(*fields), MAX_CANDIDATES)]


def is_certain(shape: Shape) -> bool:
    """Whether no parts can be read as several values of ``shape``."""
    if shape.items is None and shape.properties is None and not shape.prefix:
        return len(shape.scalars) <= 1
    pending, seen = [shape], set()
    while pending:
        here = pending.pop()
        if id(here) in seen:
            continue
        seen.add(id(here))
        below = [*here.prefix, *(here.properties or {}).values(), *filter(None, (here.items, here.extra))]
        if len(here.scalars) + (here.items is not None) + (here.properties is not None) > 1:
            return False
        pending += below
    return True


def unreadable_part(parts: Parts, shape: Shape) -> tuple[Path, str]:
    """Where in ``parts`` the first text is that can't be read as ``shape``, and that text."""
    for path, text, here in _texts(parts, shape, ()):
        if here is None or not _scalars(text, here.scalars):
            return path, text
    return (), ""


def _texts(parts: Parts, shape: Shape | None, path: Path) -> Iterator[tuple[Path, str, Shape | None]]:
    if isinstance(parts, str):
        yield path, parts, shape
    elif isinstance(parts, list):
        for index, part in enumerate(parts):
            yield from _texts(part, shape and shape.item(index), (*path, index))
    else:
        for name, part in parts.items():
            yield from _texts(part, shape and (shape.field(name) or TEXT), (*path, name))
