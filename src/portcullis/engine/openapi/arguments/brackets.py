"""Values that are spread over a query by names in brackets: ``filter[a]=1&filter[b][c]=2&ids[]=5``.

That is OpenAPI's style ``deepObject``, whose specification ends at one level of texts. Services that use it, and the
documents of services, go on as PHP, Rack and ``qs`` do: ``a[b][c]``, lists as ``a[]`` or ``a[0]``, ``a[1]``. What
these read differently is refused: ``a[][b]`` (is a new item begun, or the last one continued?), gaps between indexes,
two ways to write one list, and a name that is both a value and an object.
"""

from __future__ import annotations

import re
from typing import Final

from portcullis.engine.openapi.arguments.errors import UnreadableError
from portcullis.engine.openapi.arguments.splitting import Parts
from portcullis.engine.openapi.parameters import MAX_DEPTH, Shape

_KEY: Final = re.compile(r"\[([^\[\]]*)\]")
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,3}")

Tree = dict[str, "str | list[str] | Tree"]
"""Texts by their keys; those of ``[]`` are a list."""


def keys_of(brackets: str) -> tuple[str, ...]:
    """The keys in ``brackets``: ``[a][0]`` has ``a`` and ``0``. Raises :class:`UnreadableError`."""
    if brackets.count("[") > MAX_DEPTH:
        raise UnreadableError("too deep")
    keys = tuple(_KEY.findall(brackets))
    if sum(map(len, keys)) + 2 * len(keys) != len(brackets) or "" in keys[:-1]:
        raise UnreadableError
    return keys


def undeclared_part(keys: tuple[str, ...], shape: Shape) -> int | None:
    """How many of ``keys`` are declared in ``shape`` before one is not; ``None`` if all are."""
    here: Shape | None = shape
    for position, key in enumerate(keys):
        below = here and here.field(key)
        if below is None and here is not None and here.items is not None and (not key or _INDEX.fullmatch(key)):
            below = here.item(int(key) if key else 0)
        if below is None:
            return position
        here = below
    return None


def plant(tree: Tree, keys: tuple[str, ...], text: str) -> None:
    """Put ``text`` into ``tree`` under ``keys``. Raises :class:`UnreadableError` where there is something already."""
    *way, last = keys
    for position, key in enumerate(way):
        below = tree.setdefault(key, {})
        if not isinstance(below, dict):
            raise UnreadableError("repeated", keys[: position + 1])
        tree = below
    if not last:
        several = tree.setdefault("", [])
        if isinstance(several, list):
            several.append(text)
    elif last in tree:
        raise UnreadableError("repeated", keys)
    else:
        tree[last] = text


def parts_of(tree: str | list[str] | Tree, shape: Shape | None) -> Parts:
    """The texts in ``tree`` as a value of ``shape`` has them: as an object, or as a list where that is what it is.

    Raises :class:`UnreadableError`.
    """
    if isinstance(tree, str):
        return tree
    if isinstance(tree, list) or shape is None:
        raise UnreadableError
    if shape.items is not None and (shape.properties is None or all(map(_is_place, tree))):
        return _list(tree, shape)
    if "" in tree:
        raise UnreadableError
    return {key: _below(key, below, shape.field(key)) for key, below in tree.items()}


def _is_place(key: str) -> bool:
    return not key or _INDEX.fullmatch(key) is not None


def _list(tree: Tree, shape: Shape) -> Parts:
    unnumbered = tree.get("")
    if isinstance(unnumbered, list):
        if len(tree) > 1:
            raise UnreadableError
        return list[Parts](unnumbered)
    if not all(map(_is_place, tree)):
        raise UnreadableError
    places = sorted(map(int, tree))
    if places != list(range(len(tree))):
        raise UnreadableError
    return [_below(place, tree[str(place)], shape.item(place)) for place in places]


def _below(key: str | int, tree: str | list[str] | Tree, shape: Shape | None) -> Parts:
    try:
        return parts_of(tree, shape)
    except UnreadableError as error:
        raise UnreadableError(error.fault, (key, *error.path), error.text) from None
