"""``+ - * / %`` and the minus sign.

Whole numbers have 64 bits, and leaving them is an error; division rounds towards zero. A ``double`` is IEEE 754's, with
its infinities. Types are never mixed, but for times and lengths of time.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from portcullis.engine.cel.compiled import Compiled, Frame, Run, spend
from portcullis.engine.cel.errors import EvaluationError, no_overload
from portcullis.engine.cel.times import duration, timestamp
from portcullis.engine.cel.values import LISTS, MAX_INT, MIN_INT, Duration, Timestamp, Uint, int64, type_name, uint64

Operate: TypeAlias = Callable[[Any, Any], Any]

_RANGE: Final = "a number is out of range"
_TIMESTAMP: Final = "google.protobuf.Timestamp"
_DURATION: Final = "google.protobuf.Duration"


def quotient(one: int, other: int) -> int:
    """``one / other``, rounded towards zero. Raises :class:`EvaluationError` for a division by zero."""
    if not other:
        raise EvaluationError("a division by zero")
    value = abs(one) // abs(other)
    return value if (one < 0) is (other < 0) else -value


def remainder(one: int, other: int) -> int:
    """What a division that rounds towards zero leaves; it has the sign of ``one``."""
    if not other:
        raise EvaluationError("a division by zero")
    if other == -1:
        int64(-one)  # as in a division, the smallest number has no counterpart
        return 0
    value = abs(one) % abs(other)
    return -value if one < 0 else value


def divide(one: float, other: float) -> float:
    """``one / other`` by IEEE 754."""
    if other:
        return one / other
    if not one or math.isnan(one):
        return math.nan
    return math.copysign(math.inf, one) * math.copysign(1.0, other)


_INT: Final[dict[str, Callable[[int, int], int]]] = {
    "_+_": operator.add,
    "_-_": operator.sub,
    "_*_": operator.mul,
    "_/_": quotient,
    "_%_": remainder,
}
_DOUBLE: Final[dict[str, Callable[[float, float], float]]] = {
    "_+_": operator.add,
    "_-_": operator.sub,
    "_*_": operator.mul,
    "_/_": divide,
}
OPERATORS: Final = tuple(_INT)


def _table(name: str) -> dict[tuple[str, str], Operate]:
    """What an operator does, by the types of both sides."""
    whole = _INT[name]
    table: dict[tuple[str, str], Operate] = {
        ("int", "int"): lambda one, other: int64(whole(one, other)),
        ("uint", "uint"): lambda one, other: uint64(whole(one, other)),
    }
    if name in _DOUBLE:
        table["double", "double"] = _DOUBLE[name]
    if name == "_+_":
        table["string", "string"] = table["bytes", "bytes"] = operator.add
        table["list", "list"] = lambda one, other: [*one, *other]
        table[_TIMESTAMP, _DURATION] = table[_DURATION, _TIMESTAMP] = lambda one, other: timestamp(one + other)
        table[_DURATION, _DURATION] = lambda one, other: duration(one + other)
    if name == "_-_":
        table[_TIMESTAMP, _DURATION] = lambda one, other: timestamp(one - other)
        table[_TIMESTAMP, _TIMESTAMP] = table[_DURATION, _DURATION] = lambda one, other: duration(one - other)
    return table


_SIZED: Final = frozenset({str, bytes}) | LISTS
_CLOSED: Final = frozenset({int, Uint, float, str, bytes, list})
"""Kinds that, on either side of an operator, can only give their own."""


def compile_operator(name: str) -> Callable[[Compiled, Compiled], Compiled]:
    """The compiler of the operator that the syntax tree calls ``name``."""
    table, whole = _table(name), _INT[name]

    def operate(one: Any, other: Any, frame: Frame) -> Any:
        function = table.get((type_name(one), type_name(other)))
        if function is None:
            raise no_overload()
        if type(one) in _SIZED:
            spend(frame, (len(one) + len(other)) >> (3 if type(one) in LISTS else 6))
        return function(one, other)

    def compile_it(one: Compiled, other: Compiled) -> Compiled:
        left, right = one.run, other.run
        if one.kind is int and other.kind is int:
            return Compiled(_of_ints(whole, left, right, other), int)
        if one.kind is float and other.kind is float and name in _DOUBLE:
            double = _DOUBLE[name]
            return Compiled(lambda frame: double(left(frame), right(frame)), float)
        item = one.item if one.kind is list and other.kind is list and one.item is other.item else None
        return Compiled(lambda frame: operate(left(frame), right(frame), frame), _result_kind(name, one, other), item)

    return compile_it


def _of_ints(whole: Callable[[int, int], int], left: Run, right: Run, other: Compiled) -> Run:
    value = other.constant

    def with_constant(frame: Frame) -> int:
        result = whole(left(frame), value)
        if MIN_INT <= result <= MAX_INT:
            return result
        raise EvaluationError(_RANGE)

    def of_both(frame: Frame) -> int:
        result = whole(left(frame), right(frame))
        if MIN_INT <= result <= MAX_INT:
            return result
        raise EvaluationError(_RANGE)

    return with_constant if other.is_constant else of_both


def _result_kind(name: str, one: Compiled, other: Compiled) -> type | None:
    for kind in (one.kind, other.kind):
        if kind in _CLOSED:
            return kind
    kinds = (one.kind, other.kind)
    if name == "_+_" and Timestamp in kinds:
        return Timestamp
    if name == "_-_" and other.kind is Timestamp:
        return Duration
    return None


def compile_negation(operand: Compiled) -> Compiled:
    """``-operand``."""
    run = operand.run

    def negate(frame: Frame) -> Any:
        value = run(frame)
        kind = type_name(value)
        if kind == "int":
            return int64(-value)
        if kind == "double":
            return -value
        raise no_overload()

    return Compiled(negate, operand.kind)
