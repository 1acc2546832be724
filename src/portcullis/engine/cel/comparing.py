"""Equality, order and membership.

Values of different types are not equal, which is no error; numbers of all types lie on one line, where a whole number
that meets a ``double`` is one too. There is an order only among values of one type, and among numbers.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from types import NoneType
from typing import Any, Final, cast

from portcullis.engine.cel.compiled import Compiled, Frame, Run, spend
from portcullis.engine.cel.errors import EvaluationError, no_overload
from portcullis.engine.cel.values import KEY_TYPES, LISTS, NUMBERS, Duration, Timestamp, TypeValue, Uint, as_key

_SCALARS: Final = frozenset({bool, int, Uint, float, str, bytes, NoneType, Timestamp, Duration, TypeValue})
_ORDERED: Final = frozenset({bool, int, Uint, float, str, bytes, Timestamp, Duration})
_WHOLE: Final = frozenset({int, Uint})
_EXACT: Final = 2**53
"""Up to here a ``double`` is as exact as a whole number, so that a set finds one by the other."""

Operator = Callable[[Any, Any], bool]


def equal(one: Any, other: Any, frame: Frame) -> bool:
    """Whether two values are equal. Raises :class:`~.errors.TooCostlyError`."""
    kind, other_kind = type(one), type(other)
    if kind is other_kind and kind in _SCALARS:
        return cast("bool", one == other)
    if kind in NUMBERS and other_kind in NUMBERS:
        return _compare_numbers(operator.eq, one, other)
    pairs: Iterable[tuple[Any, Any]]
    if kind in LISTS and other_kind in LISTS:
        if len(one) != len(other):
            return False
        pairs = zip(one, other, strict=True)
    elif isinstance(one, Mapping) and isinstance(other, Mapping):
        if one.keys() != other.keys():
            return False
        pairs = ((value, other[key]) for key, value in one.items())
    else:
        return False
    spend(frame, len(one))
    for one_item, other_item in pairs:  # noqa: SIM110 - a generator would go twice as deep
        if not equal(one_item, other_item, frame):
            return False
    return True


def _compare_numbers(compare: Operator, one: Any, other: Any) -> bool:
    if type(one) is float or type(other) is float:
        try:
            return compare(float(one), float(other))
        except OverflowError:
            raise EvaluationError("a number does not fit 64 bits") from None
    return compare(one, other)


def compile_equal(one: Compiled, other: Compiled) -> Compiled:
    """``one == other``."""
    return Compiled(_equality(one, other), bool)


def compile_unequal(one: Compiled, other: Compiled) -> Compiled:
    """``one != other``."""
    left, right = one.run, other.run
    if one.kind is other.kind and one.kind in _SCALARS:
        return Compiled(lambda frame: left(frame) != right(frame), bool)
    is_equal = _equality(one, other)
    return Compiled(lambda frame: not is_equal(frame), bool)


def _equality(one: Compiled, other: Compiled) -> Run:
    if one.is_constant:
        one, other = other, one
    left, right, value = one.run, other.run, other.constant
    if other.is_constant and type(value) is str:
        return lambda frame: left(frame) == value  # nothing but a text equals one
    if one.kind is other.kind and one.kind in _SCALARS:
        if other.is_constant:
            return lambda frame: left(frame) == value
        return lambda frame: left(frame) == right(frame)
    if other.is_constant and value is None:
        return lambda frame: left(frame) is None
    return lambda frame: equal(left(frame), right(frame), frame)


def compile_order(compare: Operator) -> Callable[[Compiled, Compiled], Compiled]:
    """``one < other``, or what else ``compare`` is."""

    def order(one: Any, other: Any) -> bool:
        kind, other_kind = type(one), type(other)
        if kind is other_kind and kind in _ORDERED:
            return compare(one, other)
        if kind in NUMBERS and other_kind in NUMBERS:
            return _compare_numbers(compare, one, other)
        raise no_overload()

    def compile_it(one: Compiled, other: Compiled) -> Compiled:
        left, right, value = one.run, other.run, other.constant
        if one.kind is other.kind and one.kind in _ORDERED:
            if other.is_constant:
                return Compiled(lambda frame: compare(left(frame), value), bool)
            return Compiled(lambda frame: compare(left(frame), right(frame)), bool)
        return Compiled(lambda frame: order(left(frame), right(frame)), bool)

    return compile_it


def compile_in(one: Compiled, container: Compiled) -> Compiled:
    """``one in container``: an item of a list, or a key of a map."""
    return Compiled(_membership(one, container), bool)


def _membership(one: Compiled, container: Compiled) -> Run:
    left, right, members = one.run, container.run, container.members
    if one.kind is str and members is not None:
        if one.is_constant:
            value = one.constant
            return lambda frame: value in members(frame)
        return lambda frame: left(frame) in members(frame)
    if container.is_constant and type(container.constant) is list:
        known = _lookup(container.constant)
        if known is not None:
            return _in_constants(left, *known)
    return lambda frame: contains(left(frame), right(frame), frame)


def _lookup(items: list[Any]) -> tuple[frozenset[Any], frozenset[type]] | None:
    """A set in which values of some types are found just if they equal one of ``items``."""
    kinds = {type(item) for item in items}
    if kinds <= {str}:
        return frozenset(items), frozenset({str})
    if kinds <= _WHOLE and all(abs(item) <= _EXACT for item in items):
        return frozenset(items), NUMBERS
    return None


def _in_constants(run: Run, values: frozenset[Any], kinds: frozenset[type]) -> Run:
    def is_in(frame: Frame) -> bool:
        value = run(frame)
        return type(value) in kinds and value in values

    return is_in


def contains(value: Any, container: Any, frame: Frame) -> bool:
    """Whether ``value`` is an item of a list or a key of a map. Raises :class:`EvaluationError`."""
    if type(container) in LISTS:
        spend(frame, len(container) >> 3)
        if type(value) is str:
            return value in container
        return any(equal(value, item, frame) for item in container)
    if isinstance(container, Mapping):
        kind = type(value)
        if kind in KEY_TYPES:
            return as_key(value) in container
        if kind is float:
            return value in container
    raise no_overload()
