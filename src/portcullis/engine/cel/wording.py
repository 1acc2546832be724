"""The library's errors in the words of somebody who writes rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from portcullis.engine.config.wording import closest, suggest
from portcullis.engine.decision import shorten

STANDARD_FUNCTIONS: Final = (
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "has",
    "all",
    "exists",
    "exists_one",
    "filter",
    "map",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "bool",
    "timestamp",
    "duration",
    "type",
    "dyn",
    "getFullYear",
    "getMonth",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
)

_TYPE_NAMES: Final = (
    ("google.protobuf.Timestamp", "timestamp"),
    ("google.protobuf.Duration", "duration"),
    ("null_type", "null"),
    ("wrapper(", "("),
)
_VARIABLE_TYPE: Final = re.compile(r"T?%\w+|T%[0-9]+")
_OPERATOR: Final = re.compile(r"^[@_]?(.*?)_?$")
_NAMED: Final = re.compile(r"^[A-Za-z]\w*$")


_SAME_TYPE: Final = "both sides are of one type: convert one, as in double(x)"
_OPERATOR_HINTS: Final = {
    "in": "in asks for an item of a list or for a key of a map",
    "!": "! is for true and false; what is declared is always there, without has()",
    "&&": "both sides are true or false",
    "||": "both sides are true or false",
}


class Names(msgspec.Struct, frozen=True):
    """The names that are declared: ``variables`` with their dots, and ``functions`` beside the standard ones.

    Of a function it is told how to call it: ``ip_in(string, string)``.
    """

    variables: tuple[str, ...]
    functions: Mapping[str, str]


Explained = tuple[int, str, str]
"""Where, what is wrong, and what would be right."""


def explain(message: str, text: str, offset: int, names: Names) -> Explained:
    """``message`` of the library about the place ``offset`` of ``text``."""
    for pattern, tell in _MESSAGES:
        if match := pattern.match(message):
            return tell(match, text, offset, names)
    return offset, shorten(message, 200), ""


def _undeclared(match: re.Match[str], text: str, offset: int, names: Names) -> Explained:
    name = match[1].lstrip(".")
    if text[offset : offset + 1] == "(" or name in STANDARD_FUNCTIONS:
        known = (*names.functions, *STANDARD_FUNCTIONS)
        offset = _start_of(name, text, offset)
        if name in known:
            return offset, f"{name}() is not called in this way", names.functions.get(name) or _usage(name)
        return offset, f"there is no function {shorten(name, 60)}()", suggest(name, known, "known")
    below = sorted({variable for variable in names.variables if variable.startswith(f"{name}.")})
    if below:
        return offset, f"{name} can't be used as a whole", f"name a part of it: {', '.join(below)}"
    root = name.partition(".")[0]
    of_root = [variable for variable in names.variables if variable.startswith(f"{root}.")]
    if of_root:
        offset += text[offset : offset + 1] == "."
        return offset, f"there is no {shorten(name, 60)}", suggest(name, of_root, "declared")
    start = text.rfind(root, 0, offset + len(root))
    hint = f'did you mean "{near}"?' if (near := closest(name, names.variables)) else _roots(names)
    return max(start, 0), f"there is no {shorten(name, 60)}", hint


def _roots(names: Names) -> str:
    return "declared: " + ", ".join(sorted({variable.partition(".")[0] for variable in names.variables}))


def _start_of(function: str, text: str, offset: int) -> int:
    """Where the name of a function begins whose bracket is at ``offset``."""
    start = offset - len(function)
    return start if start >= 0 and text[start:offset] == function else offset


def _usage(name: str) -> str:
    if name in ("has", "all", "exists", "exists_one", "filter", "map"):
        return "has(identity.claims.email)" if name == "has" else f"list.{name}(item, ...)"
    return f"text.{name}(...)" if name in ("contains", "startsWith", "endsWith") else ""


def _no_overload(match: re.Match[str], text: str, offset: int, _names: Names) -> Explained:
    function, target, arguments = match[1], match[2], match[3]
    types = _readable(arguments)
    if _NAMED.match(function):
        called = f"{_readable(target)}.{function}" if target else function
        return _start_of(function, text, offset), f"{called}() is not for {types or 'no values'}", ""
    match_of = _OPERATOR.match(function)
    operator = match_of[1] if match_of else function
    if function == "_[_]":
        return offset, f"[ ] is not for {types}", ""
    if function == "_?_:_":
        return offset, f"? : is not for {types}", "before ? stands true or false"
    hint = _OPERATOR_HINTS.get(operator) or (_SAME_TYPE if "," in types else "")
    return offset, f"{operator} is not for {types}", hint


def _readable(types: str) -> str:
    for name, short in _TYPE_NAMES:
        types = types.replace(name, short)
    return _VARIABLE_TYPE.sub("any", types)


def _no_fields(match: re.Match[str], text: str, offset: int, _names: Names) -> Explained:
    return offset + (text[offset : offset + 1] == "."), f"{_readable(match[1])} has no fields", ""


def _ends(_match: re.Match[str], _text: str, offset: int, _names: Names) -> Explained:
    return offset, "the rule ends before it is complete", "a bracket, a quote or an operand is missing"


def _unexpected(match: re.Match[str], _text: str, offset: int, _names: Names) -> Explained:
    return offset, f"{shorten(match[1], 40)} is not expected here", _instead(match[1])


def _instead(found: str) -> str:
    words = {"and": "&&", "or": "||", "=": "==", "not": "!"}
    return f"write {words[found]}" if found in words else ""


def _unreadable(match: re.Match[str], _text: str, offset: int, _names: Names) -> Explained:
    found = match[1].strip()
    if found in ("=", "&", "|"):
        return offset, f"{found} is no operator", f"write {found * 2}"
    hint = "the quote is not closed" if found[:1] in ("'", '"') else ""
    if hint and "\\" in found:
        hint = "a backslash begins an escape: write it twice, or put r before the quote"
    return offset, f"{shorten(found, 40)} is not CEL", hint


def _missing(match: re.Match[str], _text: str, offset: int, _names: Names) -> Explained:
    return offset, f"{match[1]} is missing here", ""


def _reserved(match: re.Match[str], _text: str, offset: int, _names: Names) -> Explained:
    return offset, f"{match[1]} is reserved, and can't be a name", ""


def _nested(_match: re.Match[str], _text: str, offset: int, _names: Names) -> Explained:
    return offset, "is nested deeper than 32 levels", "&& and || may be repeated freely; + and brackets may not"


def _literal(match: re.Match[str], _text: str, offset: int, _names: Names) -> Explained:
    return offset, f"{match[1]} is out of range", ""


_MESSAGES: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str], str, int, Names], Explained]], ...]] = (
    (re.compile(r"undeclared reference to '([^']*)'"), _undeclared),
    (re.compile(r"found no matching overload for '([^']*)' applied to '([^'(]*?)\.?\((.*)\)'$"), _no_overload),
    (re.compile(r"expression of type '(.*)' cannot be the operand of a select"), _no_fields),
    (re.compile(r"Syntax error: missing '(.*?)' at"), _missing),
    (re.compile(r"Syntax error: .*<EOF>' expecting"), _ends),
    (re.compile(r"Syntax error: (?:mismatched|extraneous) input '(.*?)' expecting"), _unexpected),
    (re.compile(r"Syntax error: no viable alternative at input '(.*)'"), _unexpected),
    (re.compile(r"Syntax error: token recognition error at: '(.*)'"), _unreadable),
    (re.compile(r"reserved identifier: (\w+)"), _reserved),
    (re.compile(r".*recursion"), _nested),
    (re.compile(r"invalid (.*) literal$"), _literal),
)
