"""The library's checked syntax tree, which it hands out as a protobuf message, read into :mod:`syntax`.

Of ``cel.expr.CheckedExpr`` (cel-spec, ``checked.proto`` and ``syntax.proto``) only a few fields matter here, so its
wire format is read directly: numbers in base 128, and parts with a length before them. The message comes from the
library in this very process. What is not understood is more than rules may say.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from portcullis.engine.cel.syntax import Call, Constant, Ident, ListLiteral, Loop, MapLiteral, Node, Select
from portcullis.engine.cel.values import Uint

Fields: TypeAlias = dict[int, list[Any]]
"""What a message holds, by field number: an ``int`` or ``bytes`` each."""

_CONSTANT, _IDENT, _SELECT, _CALL, _LIST, _MAP, _LOOP = range(3, 10)
"""The fields of ``Expr`` of which each has one."""


class UnknownTreeError(RuntimeError):
    """The library said something that this reader does not know."""


def read_tree(serialised: bytes) -> Node:
    """The syntax tree of an ``Any`` that holds a ``CheckedExpr``. Raises :class:`UnknownTreeError`."""
    checked = fields(fields(serialised)[2][0])
    return _Reader(_map(checked.get(2, [])), fields(checked[5][0])).node(checked[4][0])


def fields(message: bytes) -> Fields:
    """The fields of a message. Raises :class:`UnknownTreeError`."""
    found: Fields = {}
    for number, value in _parts(message):
        found.setdefault(number, []).append(value)
    return found


def _parts(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        wire_type = tag & 7
        if wire_type == 0:
            value, at = _varint(message, at)
            yield tag >> 3, value
            continue
        if wire_type == 2:
            length, at = _varint(message, at)
        elif wire_type in (1, 5):
            length = 8 if wire_type == 1 else 4
        else:
            raise UnknownTreeError(f"wire type {wire_type}")
        if at + length > len(message):
            raise UnknownTreeError("the message is cut short")
        yield tag >> 3, message[at : at + length]
        at += length


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message):
            raise UnknownTreeError("the message is cut short")
        octet = message[at]
        value |= (octet & 0x7F) << shift
        at += 1
        if octet < 0x80:
            return value, at
        shift += 7


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


def _map(entries: list[bytes]) -> dict[int, Any]:
    """A protobuf map with numbers as keys; a value that is left out is 0."""
    read = [fields(entry) for entry in entries]
    return {entry.get(1, [0])[0]: entry.get(2, [0])[0] for entry in read}


def _text(values: Mapping[int, list[Any]], number: int) -> str:
    found: bytes = values.get(number, [b""])[0]
    return found.decode()


class _Reader:
    """Reads nodes; ``references``: what names were resolved to, by the node's id; ``source``: the ``SourceInfo``."""

    def __init__(self, references: Mapping[int, bytes], source: Fields) -> None:
        self._names = {key: _text(fields(reference), 1) for key, reference in references.items()}
        self._offsets: dict[int, int] = _map(source.get(4, []))

    def node(self, message: bytes) -> Node:
        """The node that an ``Expr`` says."""
        parts = fields(message)
        number = parts.get(2, [0])[0]
        kind = next((key for key in parts if _CONSTANT <= key <= _LOOP), None)
        if kind is None:
            raise UnknownTreeError("an expression of no kind")
        body = fields(parts[kind][0])
        offset = self._offsets.get(number, 0)
        if kind == _CONSTANT:
            return Constant(offset, _constant(body))
        if kind == _IDENT:
            return Ident(offset, self._names.get(number) or _text(body, 1))
        if kind == _SELECT:
            return Select(offset, self.node(body[1][0]), _text(body, 2), bool(body.get(3, [0])[0]))
        if kind == _CALL:
            arguments = [*body.get(1, []), *body.get(3, [])]
            return Call(offset, _text(body, 2), tuple(map(self.node, arguments)))
        if kind == _LIST:
            _refuse(body, 2)
            return ListLiteral(offset, tuple(map(self.node, body.get(1, []))))
        return self._map_literal(offset, body) if kind == _MAP else self._loop(offset, body)

    def _map_literal(self, offset: int, body: Fields) -> MapLiteral:
        _refuse(body, 1)
        entries = [fields(entry) for entry in body.get(2, [])]
        for entry in entries:
            _refuse(entry, 5)
        return MapLiteral(offset, tuple((self.node(entry[3][0]), self.node(entry[4][0])) for entry in entries))

    def _loop(self, offset: int, body: Fields) -> Loop:
        _refuse(body, 8)
        over, initial, step, result = (self.node(body[number][0]) for number in (2, 4, 6, 7))
        return Loop(offset, _text(body, 1), over, _text(body, 3), initial, step, result)


def _refuse(body: Fields, number: int) -> None:
    """Messages, optional entries and loops over two variables are not part of what rules may say."""
    if body.get(number):
        raise UnknownTreeError(f"field {number}")


_NUMBERS: Final[dict[int, Callable[[int], Any]]] = {2: bool, 3: _signed, 4: Uint}


def _constant(body: Fields) -> Any:
    for number, [value] in body.items():
        if number == 1:
            return None
        if number in _NUMBERS:
            return _NUMBERS[number](value)
        if number == 5:
            return struct.unpack("<d", value)[0]
        if number in (6, 7):
            return value.decode() if number == 6 else value
    raise UnknownTreeError("a constant of no kind")
