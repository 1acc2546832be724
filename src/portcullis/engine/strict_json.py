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
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final, NoReturn

import orjson

MAX_DEPTH: Final = 254
"""Arrays and objects in one another (ASP.NET Core: 64, PHP: 512, Jackson: 1,000): as deep as orjson writes."""

MIN_INTEGER: Final = -(2**63)
MAX_INTEGER: Final = 2**64 - 1

# One pass makes all digits alike, so that a plain search finds the integers to look at closely.
_ALIKE: Final = bytes.maketrans(b"123456789", b"000000000")
_NINETEEN_DIGITS: Final = b"0" * 19  # the shortest integers that may not fit 64 bits


class MalformedJsonError(ValueError):
    """The text is not JSON that can be read one way only. Says why, and never what the text holds.

    ``at``: how many bytes of the text were fine, where that is known, else 0.
    """

    def __init__(self, reason: str, at: int = 0) -> None:
        super().__init__(reason)
        self.at = at


class DuplicateKeyError(MalformedJsonError):
    """An object has the same key twice. ``name`` is that key, as the client sent it."""

    def __init__(self, name: str) -> None:
        super().__init__("an object has the same key twice")
        self.name = name


def loads(data: bytes) -> Any:
    """The value of the JSON text ``data``.

    Raises :class:`DuplicateKeyError` for repeated keys, and :class:`MalformedJsonError` for what is not
    RFC 8259 JSON in UTF-8 without a byte order mark, for ``NaN`` and ``Infinity``, for integers outside of
    −2⁶³ … 2⁶⁴−1 (other parsers read them as rounded floats), and for more than :data:`MAX_DEPTH` levels.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise MalformedJsonError(f"not valid JSON at byte {error.pos}", error.pos) from None
    try:
        again = orjson.dumps(value)
    except orjson.JSONEncodeError:
        raise MalformedJsonError(f"more than {MAX_DEPTH} levels of arrays and objects") from None
    if again != data and _may_mean_more(data, again):
        _read_closely(data)
    return value


def _may_mean_more(data: bytes, again: bytes) -> bool:
    """Whether something may have been lost between the text ``data`` and what was written of its value, ``again``."""
    return (
        data.count(b":") != again.count(b":")
        or (b"\\" in data and b"\\u003" in data)
        or _NINETEEN_DIGITS in data.translate(_ALIKE)
    )


def _no_duplicates(pairs: Iterable[tuple[str, object]]) -> None:
    seen = set()
    for name, _ in pairs:
        if name in seen:
            raise DuplicateKeyError(name)
        seen.add(name)


def _fits(digits: str) -> None:
    # 21 characters hold every 64-bit integer; longer texts are never converted, which would take quadratic time.
    if len(digits) > 21 or not MIN_INTEGER <= int(digits) <= MAX_INTEGER:
        raise MalformedJsonError("an integer does not fit 64 bits")


def _no_constant(_name: str) -> NoReturn:
    raise MalformedJsonError("NaN and Infinity are not JSON")


_close_reader: Final = json.JSONDecoder(
    object_pairs_hook=_no_duplicates, parse_int=_fits, parse_float=lambda _text: None, parse_constant=_no_constant
)


def _read_closely(data: bytes) -> None:
    """Find repeated keys and large integers in a text that is known to be JSON and not too deep."""
    _close_reader.decode(data.decode())
