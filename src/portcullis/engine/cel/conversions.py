"""Conversions between types: ``int(x)``, ``string(x)``, ``timestamp(x)`` and the others, and ``type(x)``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final

from portcullis.engine.cel.errors import EvaluationError
from portcullis.engine.cel.times import SECOND, format_duration, format_timestamp, parse_duration, parse_timestamp
from portcullis.engine.cel.times import timestamp as timestamp_at
from portcullis.engine.cel.values import TYPE_VALUES, Duration, Timestamp, TypeValue, Uint, int64, type_name, uint64

_BLANKS: Final = " \t\n\v\f\r"
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,40}")
_UNSIGNED: Final = re.compile(r"\+?[0-9]{1,40}")
_DOUBLE: Final = re.compile(r"[+-]?(?:[0-9]{1,400}(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,6})?")
_SPECIAL: Final = re.compile(r"[+-]?(?:inf|infinity|nan)", re.IGNORECASE)
_BOOLEANS: Final = {
    **dict.fromkeys(("1", "t", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "false", "FALSE", "False"), False),
}
_TIMESTAMP: Final = "google.protobuf.Timestamp"
_DURATION: Final = "google.protobuf.Duration"

_By = dict[str, Callable[[Any], Any]]
"""What a conversion does, by the name of the type it is given."""


def _integer_in(text: str) -> int:
    text = text.strip(_BLANKS)
    if not _INTEGER.fullmatch(text):
        raise EvaluationError("a text is no whole number")
    return int64(int(text))


def _unsigned_in(text: str) -> Uint:
    text = text.strip(_BLANKS)
    if not _UNSIGNED.fullmatch(text):
        raise EvaluationError("a text is no unsigned number")
    return uint64(int(text))


def _double_in(text: str) -> float:
    text = text.strip(_BLANKS)
    if not _DOUBLE.fullmatch(text) and not _SPECIAL.fullmatch(text):
        raise EvaluationError("a text is no number")
    return float(text)


def _boolean_in(text: str) -> bool:
    value = _BOOLEANS.get(text)
    if value is None:
        raise EvaluationError("a text is neither true nor false")
    return value


def _integer_of(number: float) -> int:
    if -(2.0**63) < number < 2.0**63:
        return int(number)
    raise EvaluationError("a number is out of range")


def _unsigned_of(number: float) -> Uint:
    if 0 <= number < 2.0**64:
        return Uint(number)
    raise EvaluationError("a number is out of range")


def format_double(number: float) -> str:
    """``number`` with as few digits as tell it from all others; from a million on with an exponent (``1e+06``)."""
    if not math.isfinite(number):
        return "nan" if math.isnan(number) else f"{'-' if number < 0 else ''}inf"
    digits, _, exponent = f"{number!r}e0".partition("e")
    sign, digits = ("-", digits[1:]) if digits.startswith("-") else ("", digits)
    whole, _, fraction = digits.partition(".")
    significant = (whole + fraction).lstrip("0")
    power = int(exponent.partition("e")[0]) + len(whole) - 1 - (len(whole + fraction) - len(significant))
    significant = significant.rstrip("0")
    if not significant:
        return f"{sign}0"
    if -4 <= power < 6:
        return sign + _fixed(significant, power)
    rest = f".{significant[1:]}" if len(significant) > 1 else ""
    return f"{sign}{significant[0]}{rest}e{'-' if power < 0 else '+'}{abs(power):02}"


def _fixed(significant: str, power: int) -> str:
    if power < 0:
        return "0." + "0" * (-power - 1) + significant
    whole = significant[: power + 1].ljust(power + 1, "0")
    fraction = significant[power + 1 :]
    return f"{whole}.{fraction}" if fraction else whole


def _text_of(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise EvaluationError("octets are not UTF-8") from None


def _same(value: Any) -> Any:
    return value


_CONVERSIONS: Final[dict[str, tuple[type | None, _By]]] = {
    "int": (
        int,
        {
            "int": _same,
            "uint": lambda value: int64(int(value)),
            "double": _integer_of,
            "string": _integer_in,
            _TIMESTAMP: lambda moment: moment // SECOND,
        },
    ),
    "uint": (
        Uint,
        {"uint": Uint, "int": uint64, "double": _unsigned_of, "string": _unsigned_in},
    ),
    "double": (float, {"double": _same, "int": float, "uint": float, "string": _double_in}),
    "string": (
        str,
        {
            "string": _same,
            "int": str,
            "uint": lambda value: str(int(value)),
            "double": format_double,
            "bool": lambda value: "true" if value else "false",
            "bytes": _text_of,
            _TIMESTAMP: format_timestamp,
            _DURATION: format_duration,
        },
    ),
    "bytes": (bytes, {"bytes": _same, "string": str.encode}),
    "bool": (bool, {"bool": _same, "string": _boolean_in}),
    "timestamp": (
        Timestamp,
        {_TIMESTAMP: _same, "string": parse_timestamp, "int": lambda seconds: timestamp_at(seconds * SECOND)},
    ),
    "duration": (Duration, {_DURATION: _same, "string": parse_duration}),
}
NAMES: Final = tuple(_CONVERSIONS)


def conversion(name: str) -> tuple[type | None, Callable[[Any], Any]]:
    """The kind of what the conversion ``name`` gives, and the function, which raises :class:`EvaluationError`."""
    kind, table = _CONVERSIONS[name]

    def convert(value: Any) -> Any:
        function = table.get(type_name(value))
        if function is None:
            raise EvaluationError(f"{name}() is not for a value of this type")
        return function(value)

    return kind, convert


def type_of(value: Any) -> TypeValue:
    """The type of ``value``, as a value. Raises :class:`EvaluationError`."""
    return TYPE_VALUES[type_name(value)]
