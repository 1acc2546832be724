"""CEL's values that Python has no type for, and the names of all types.

Whole numbers that come from JSON are plain ``int``, whatever their size: what is beyond 63 bits counts as ``uint``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Any, Final

import msgspec

from portcullis.engine.cel.errors import EvaluationError

MIN_INT: Final = -(2**63)
MAX_INT: Final = 2**63 - 1
MAX_UINT: Final = 2**64 - 1


class Uint(int):
    """An unsigned number of 64 bits."""

    __slots__ = ()


class Timestamp(int):
    """A point in time: nanoseconds since 1970 in UTC, from the year 1 to 9999."""

    __slots__ = ()


class Duration(int):
    """A length of time, in nanoseconds."""

    __slots__ = ()


class TypeValue(msgspec.Struct, frozen=True):
    """A type as a value, by its name: what ``type(x)`` gives."""

    name: str


class BoolKey(msgspec.Struct, frozen=True):
    """``true`` or ``false`` as the key of a map: to a dictionary, Python's own would be the same as 1 and 0."""

    value: bool


_KEYS: Final = {True: BoolKey(True), False: BoolKey(False)}

NUMBERS: Final = frozenset({int, Uint, float})
LISTS: Final = frozenset({list, tuple})
KEY_TYPES: Final = frozenset({str, int, Uint, bool})

_TYPE_NAMES: Final[dict[type, str]] = {
    bool: "bool",
    int: "int",
    Uint: "uint",
    float: "double",
    str: "string",
    bytes: "bytes",
    NoneType: "null_type",
    list: "list",
    tuple: "list",
    dict: "map",
    Timestamp: "google.protobuf.Timestamp",
    Duration: "google.protobuf.Duration",
    TypeValue: "type",
}
TYPE_VALUES: Final = {name: TypeValue(name) for name in _TYPE_NAMES.values()}


def type_name(value: Any) -> str:
    """The name of the type of ``value``. Raises :class:`EvaluationError` for what is no value."""
    name = _TYPE_NAMES.get(type(value))
    if name is None:
        if isinstance(value, Mapping):
            return "map"
        raise EvaluationError("this is no value")
    if name == "int" and not MIN_INT <= value <= MAX_INT:
        if not 0 <= value <= MAX_UINT:
            raise EvaluationError("a number does not fit 64 bits")
        return "uint"
    return name


def as_key(value: Any) -> Any:
    """``value`` as the key of a dictionary. Raises :class:`EvaluationError` for what can't be a key."""
    kind = type(value)
    if kind is bool:
        return _KEYS[value]
    if kind in KEY_TYPES:
        return value
    raise EvaluationError("a key is a text, a whole number or a boolean")


def from_key(key: Any) -> Any:
    """The value that the key of a dictionary stands for."""
    return key.value if type(key) is BoolKey else key


def int64(value: int) -> int:
    """``value``; raises :class:`EvaluationError` if it does not fit."""
    if MIN_INT <= value <= MAX_INT:
        return value
    raise EvaluationError("a number is out of range")


def uint64(value: int) -> Uint:
    """``value`` as an unsigned number; raises :class:`EvaluationError` if it does not fit."""
    if 0 <= value <= MAX_UINT:
        return Uint(value)
    raise EvaluationError("a number is out of range")
