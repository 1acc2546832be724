"""Which strings can hold nothing that is looked for, by what a schema asks of them.

Letters, digits and a few marks make no attack: every pattern needs a blank, a quote, a bracket, a slash or the like. So
a string whose format or pattern lets nothing else through needs no look at all.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from functools import lru_cache

# CPython keeps its parser of expressions under this name since 3.11.
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any, Final

FORMATS: Final = frozenset(
    (
        *("date-time", "date", "time", "duration", "hostname", "ipv4", "ipv6", "uuid"),
        *("date-time-local", "time-local", "http-date", "char"),
        *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("double-int", "decimal", "decimal128"),
        *("sf-boolean", "sf-binary", "base64url", "byte"),
    )
)
"""Formats whose strings are of such characters; in a translated schema a format is one that is asserted."""

_CHARACTERS: Final = frozenset(map(ord, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:@+,"))
_CATEGORIES: Final = (_constants.CATEGORY_DIGIT, _constants.CATEGORY_WORD)
_REPEATS: Final = (_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT)
_SHORT: Final = 2


def is_harmless(schema: Mapping[str, Any]) -> bool:
    """Whether every string that fits ``schema`` (of JSON Schema, its own keywords only) is of harmless characters."""
    if schema.get("format") in FORMATS:
        return True
    most = schema.get("maxLength")
    if isinstance(most, int) and most <= _SHORT:
        return True
    pattern = schema.get("pattern")
    return isinstance(pattern, str) and admits_harmless_only(pattern)


@lru_cache(maxsize=4096)
def admits_harmless_only(pattern: str) -> bool:
    """Whether ``pattern`` (ECMA-262, searched for) matches only strings that consist of harmless characters."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parsed = _parser.parse(pattern)
    except (re.error, OverflowError, RecursionError):
        return False
    return _is_anchored(list(parsed)) and _is_harmless(list(parsed))


def _is_anchored(nodes: list[tuple[Any, Any]]) -> bool:
    """Whether the expression matches whole strings only: ``^...$``."""
    return (
        len(nodes) >= 2
        and nodes[0] == (_constants.AT, _constants.AT_BEGINNING)
        and nodes[-1] == (_constants.AT, _constants.AT_END)
    )


def _is_harmless(nodes: list[tuple[Any, Any]]) -> bool:
    return all(_is_harmless_node(operator, argument) for operator, argument in nodes)


def _is_harmless_node(operator: Any, argument: Any) -> bool:
    if operator is _constants.LITERAL:
        return argument in _CHARACTERS
    if operator is _constants.IN:
        return all(_is_harmless_item(*item) for item in argument)
    if operator is _constants.AT:
        return True
    if operator is _constants.SUBPATTERN:
        return _is_harmless(list(argument[-1]))
    if operator is _constants.BRANCH:
        return all(_is_harmless(list(branch)) for branch in argument[1])
    if operator in _REPEATS:
        return _is_harmless(list(argument[2]))
    return False


def _is_harmless_item(operator: Any, argument: Any) -> bool:
    if operator is _constants.LITERAL:
        return argument in _CHARACTERS
    if operator is _constants.RANGE:
        return all(code in _CHARACTERS for code in range(argument[0], argument[1] + 1)) if argument[1] < 128 else False
    return operator is _constants.CATEGORY and argument in _CATEGORIES
