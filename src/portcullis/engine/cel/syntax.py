"""The syntax tree of a checked rule. ``offset``: where a node stands in the text, in characters.

Names are resolved: an :class:`Ident` is a declared name with all its dots, a type, or the variable of a loop.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import msgspec


class Constant(msgspec.Struct, frozen=True):
    """A literal."""

    offset: int
    value: Any


class Ident(msgspec.Struct, frozen=True):
    """A name."""

    offset: int
    name: str


class Select(msgspec.Struct, frozen=True):
    """``operand.field``, or with ``tests`` the macro ``has(operand.field)``."""

    offset: int
    operand: Node
    field: str
    tests: bool = False


class Call(msgspec.Struct, frozen=True):
    """A function or an operator (``_+_``); the target of a method is the first of its ``arguments``."""

    offset: int
    function: str
    arguments: tuple[Node, ...]


class ListLiteral(msgspec.Struct, frozen=True):
    """``[a, b]``."""

    offset: int
    items: tuple[Node, ...]


class MapLiteral(msgspec.Struct, frozen=True):
    """``{a: b}``."""

    offset: int
    entries: tuple[tuple[Node, Node], ...]


class Loop(msgspec.Struct, frozen=True):
    """What a macro such as ``all`` was expanded to.

    ``variable`` goes through ``range``, and each ``step`` makes a new value of ``accumulator``, from ``initial`` on.
    """

    offset: int
    variable: str
    range: Node
    accumulator: str
    initial: Node
    step: Node
    result: Node


Node: TypeAlias = Constant | Ident | Select | Call | ListLiteral | MapLiteral | Loop


def children(node: Node) -> tuple[Node, ...]:
    """The nodes right below ``node``."""
    if isinstance(node, Call):
        return node.arguments
    if isinstance(node, Select):
        return (node.operand,)
    if isinstance(node, ListLiteral):
        return node.items
    if isinstance(node, MapLiteral):
        return tuple(part for entry in node.entries for part in entry)
    if isinstance(node, Loop):
        return (node.range, node.initial, node.step, node.result)
    return ()


def walk(node: Node) -> Iterator[Node]:
    """``node`` and all below it, in the order of the text."""
    yield node
    for child in children(node):
        yield from walk(child)
