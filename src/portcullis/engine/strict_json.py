r"""JSON read one way only.

RFC 8259 leaves room that parsers fill differently: of two equal keys one keeps the first and another the last,
integers over 64 bits become floats, a byte order mark is skipped or not. Where the gateway and the service behind
it may read different values, nothing that the gateway checked is worth anything, so such texts are refused.

Theory of the duplicate check. The fast parser silently keeps the last of equal keys, and a parser that reports them
takes three times as long. But a colon is written in only two places: once after each key, and inside strings.
Parsing and writing again keeps every string, and writes a colon in a string as a colon; so

    colons in the text = colons in what is written again + colons that went with members that were dropped

as long as no string spells its colons ``\u003a``. Texts that hold ``\u003`` take the slow parser; for all others
the two counts are equal if, and only if, no key is repeated. Where what is written again is the very text that was
read, as with the compact JSON that most clients send, not even that has to be counted: nothing was lost.

A text may also be too much for the service, though it is short: very deep, full of keys, with a number that takes
seconds to read. What such :class:`Limits` allow is mostly plain from how long the text is and from how many brackets
and colons are in it; only where it is not is the value walked through.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final, NoReturn

import msgspec
import orjson

MAX_DEPTH: Final = 254
"""Arrays and objects in one another (ASP.NET Core: 64, PHP: 512, Jackson: 1,000): as deep as orjson writes."""

MIN_INTEGER: Final = -(2**63)
MAX_INTEGER: Final = 2**64 - 1

# One pass makes all digits alike, so that a plain search finds the integers to look at closely.
_ALIKE: Final = bytes.maketrans(b"123456789", b"000000000")
_NINETEEN_DIGITS: Final = b"0" * 19  # the shortest integers that may not fit 64 bits
_NUL: Final = rb"\u0000"
_BACKSLASH: Final = 0x5C
_ESCAPE: Final = re.compile(rb"\\(?:u0000|.)", re.DOTALL)


class MalformedJsonError(ValueError):
    """The text is not JSON that can be read one way only. Says why, and never what the text holds.

    ``at``: how many bytes of the text were fine, where that is known, else 0.
    """

    def __init__(self, reason: str, at: int = 0) -> None:
        super().__init__(reason)
        self.at = at


class JsonLimitError(MalformedJsonError):
    """The text is JSON, but exceeds a limit. ``allowed``: what would not have."""

    def __init__(self, reason: str, allowed: str) -> None:
        super().__init__(reason)
        self.allowed = allowed


class DuplicateKeyError(MalformedJsonError):
    """An object has the same key twice. ``name`` is that key, as the client sent it."""

    def __init__(self, name: str) -> None:
        super().__init__("an object has the same key twice")
        self.name = name


class Limits(msgspec.Struct, frozen=True):
    """What a text may hold at most.

    ``depth``: arrays and objects in one another, at most :data:`MAX_DEPTH`; ``keys``: of all its objects together;
    ``string``: characters of a string or key; ``digits``: characters of a number, at least 64; ``nul``: whether
    strings may hold U+0000, where other parsers may end them, and which databases refuse.
    """

    depth: int = MAX_DEPTH
    keys: int = 2**62
    string: int = 2**62
    digits: int = 2**62
    nul: bool = False


NO_LIMITS: Final = Limits(nul=True)
_CONTAINERS: Final = frozenset((dict, list))
_SHORTEST_MEMBER: Final = 5  # "":0,


def loads(data: bytes, limits: Limits = NO_LIMITS) -> Any:
    """The value of the JSON text ``data``.

    Raises :class:`DuplicateKeyError` for repeated keys, :class:`JsonLimitError` for what exceeds ``limits``, and
    :class:`MalformedJsonError` for what is not RFC 8259 JSON in UTF-8 without a byte order mark, for ``NaN`` and
    ``Infinity``, and for integers outside of −2⁶³ … 2⁶⁴−1 (other parsers read them as rounded floats).
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise MalformedJsonError(f"not valid JSON at byte {error.pos}", error.pos) from None
    try:
        again = orjson.dumps(value)
    except orjson.JSONEncodeError:
        raise _too_deep(MAX_DEPTH) from None
    if again != data and _may_mean_more(data, again):
        _read_closely(data, limits)
    if limits is not NO_LIMITS:
        if _BACKSLASH in data and _NUL in data and not limits.nul and _holds_nul(data):
            raise JsonLimitError("a string holds NUL", "text without U+0000")
        size = len(data)
        if (limits.depth < MAX_DEPTH and data.count(b"[") + data.count(b"{") > limits.depth) or (
            size > limits.keys * _SHORTEST_MEMBER and data.count(b":") > limits.keys
        ):
            _check_structure(value, limits)
        if size > limits.string:
            _check_strings(value, limits.string)
    return value


def _may_mean_more(data: bytes, again: bytes) -> bool:
    """Whether something may have been lost between the text ``data`` and what was written of its value, ``again``."""
    return (
        data.count(b":") != again.count(b":")
        or (b"\\" in data and b"\\u003" in data)
        or _NINETEEN_DIGITS in data.translate(_ALIKE)
    )


def _holds_nul(data: bytes) -> bool:
    """Whether NUL is escaped in ``data``: what looks like it may be a backslash that is escaped itself."""
    return any(each[0] == _NUL for each in _ESCAPE.finditer(data))


def _check_structure(value: Any, limits: Limits) -> None:
    """Look at all arrays and objects in ``value``, level by level, until it is known whether it exceeds ``limits``."""
    level = [value] if type(value) in _CONTAINERS else []
    depth = keys = 0
    while level:
        depth += 1
        if depth > limits.depth:
            raise _too_deep(limits.depth)
        keys += sum(len(each) for each in level if type(each) is dict)
        if keys > limits.keys:
            raise JsonLimitError("too many keys", f"at most {limits.keys} keys")
        level = [
            below
            for each in level
            for below in (each.values() if type(each) is dict else each)
            if type(below) in _CONTAINERS
        ]


def _check_strings(value: Any, longest: int) -> None:
    """Look at all strings in ``value``."""
    pending = [value]
    while pending:
        each = pending.pop()
        if type(each) is str:
            if len(each) > longest:
                raise JsonLimitError("a string is too long", f"at most {longest} characters in a string")
        elif type(each) in _CONTAINERS:
            pending.extend(each)
            if type(each) is dict:
                pending.extend(each.values())


def _too_deep(depth: int) -> JsonLimitError:
    return JsonLimitError(f"more than {depth} levels of arrays and objects", f"at most {depth} levels")


def _no_duplicates(pairs: Iterable[tuple[str, object]]) -> None:
    seen = set()
    for name, _ in pairs:
        if name in seen:
            raise DuplicateKeyError(name)
        seen.add(name)


def _no_constant(_name: str) -> NoReturn:
    raise MalformedJsonError("NaN and Infinity are not JSON")


def _read_closely(data: bytes, limits: Limits) -> None:
    """Find repeated keys, large integers and long numbers in a text that is known to be JSON and not too deep."""
    longest = limits.digits

    def check_length(digits: str) -> None:
        if len(digits) > longest:
            raise JsonLimitError("a number has too many digits", f"at most {longest} digits in a number")

    def check_integer(digits: str) -> None:
        check_length(digits)
        # 21 characters hold every 64-bit integer; longer texts are never converted, which would take quadratic time.
        if len(digits) > 21 or not MIN_INTEGER <= int(digits) <= MAX_INTEGER:
            raise MalformedJsonError("an integer does not fit 64 bits")

    json.JSONDecoder(
        object_pairs_hook=_no_duplicates,
        parse_int=check_integer,
        parse_float=check_length,
        parse_constant=_no_constant,
    ).decode(data.decode())
