"""Texts of formats and of patterns, always the same ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from re import _parser  # type: ignore[attr-defined]  # what a pattern consists of, nothing else tells
from typing import Any, Final

SAMPLES: Final[Mapping[str, tuple[str, ...]]] = {
    "date-time": ("2024-05-31T12:30:00Z",),
    "date": ("2024-05-31",),
    "time": ("12:30:00Z",),
    "duration": ("P3D",),
    "email": ("a@example.com",),
    "idn-email": ("a@example.com",),
    "hostname": ("example.com",),
    "idn-hostname": ("example.com",),
    "ipv4": ("192.0.2.1",),
    "ipv6": ("2001:db8::1",),
    "uri": ("https://example.com/a", "urn:a"),
    "iri": ("https://example.com/a",),
    "uri-reference": ("a",),
    "iri-reference": ("a",),
    "uri-template": ("/a/{b}",),
    "uuid": ("f81d4fae-7dec-11d0-a765-00a0c91e6bf6",),
    "json-pointer": ("/a",),
    "relative-json-pointer": ("0",),
    "regex": ("a",),
    "byte": ("dGV4dA==",),
    "base64url": ("dGV4dA",),
    "char": ("a",),
    "int64": ("5",),
    "uint64": ("5",),
    "decimal": ("1.5",),
    "decimal128": ("1.5",),
    "date-time-local": ("2024-05-31T12:30:00",),
    "time-local": ("12:30:00",),
    "http-date": ("Fri, 31 May 2024 12:30:00 GMT",),
    "media-range": ("text/plain",),
    "sf-string": ('"a"',),
    "sf-token": ("a",),
    "sf-binary": (":dGV4dA==:",),
    "sf-boolean": ("?1",),
}
"""Texts that are of a format. Formats that are not here say nothing of texts."""

_MAX_LENGTH: Final = 4_000
_MANY: Final = 12
"""Further repetitions of what may be repeated that are tried to make a text long enough."""
_LIKELY: Final = "a0A-_.:/ bcdefghijklmnopqrstuvwxyzBCDEFGHIJKLMNOPQRSTUVWXYZ123456789!#$%&'()*+,;<=>?@[]^`{|}~\"\\"


def texts_of(
    least: int, most: int | None, formats: Iterable[str], patterns: list[str], offered: Iterable[Any] = ()
) -> Iterator[str]:
    """Texts of ``least`` to ``most`` characters, of all ``formats``, that every one of ``patterns`` matches.

    The likeliest first; what is ``offered`` is tried too, at last.
    """
    formats = [name for name in formats if name in SAMPLES]
    candidates: list[str] = [text for name in formats for text in SAMPLES[name]]
    if not candidates:
        candidates = [text for pattern in patterns for text in matching(pattern, least)]
    if not candidates and not patterns:
        candidates = _of_length(least, most)
    for text in [*candidates, *(each for each in offered if isinstance(each, str))]:
        fits = least <= len(text) and (most is None or len(text) <= most)
        if fits and all(matches(pattern, text) for pattern in patterns):
            yield text


def matches(pattern: str, text: str) -> bool:
    """Whether ``pattern``, as ECMA-262 has it, is found in ``text``; ``False`` if Python can't read it."""
    try:
        return re.search(_in_python(pattern), text, re.ASCII) is not None
    except (re.error, OverflowError):
        return False


def matching(pattern: str, least: int = 0) -> Iterator[str]:
    """Texts that ``pattern`` matches, from short ones to longer ones, the last of ``least`` characters if that can be.

    None if it holds what is not understood.
    """
    try:
        parsed = _parser.parse(_in_python(pattern), re.ASCII)
    except (re.error, OverflowError):
        return
    shortest = 0
    for more in range(_MANY + 1):
        try:
            # The last time as long as is asked for, which is right where one thing only is repeated.
            text = "".join(_written(parsed, more if more < _MANY else max(0, least - shortest)))
        except ValueError:
            return
        shortest = shortest or len(text)
        if len(text) <= _MAX_LENGTH:
            yield text


def _in_python(pattern: str) -> str:
    r"""``$`` of ECMA-262 stands at the end, and not before a last newline too."""
    return re.sub(r"(?<!\\)\$$", r"\\Z", pattern)


def _of_length(least: int, most: int | None) -> list[str]:
    if least > _MAX_LENGTH:
        return []
    text = "text" if least <= 4 else "text".ljust(least, "x")
    return [text if most is None else text[:most]]


def _written(parsed: Any, more: int) -> Iterator[str]:
    """The pieces of a text, with repetitions ``more`` often than they must be."""
    for operation, argument in parsed:
        match str(operation):
            case "LITERAL":
                yield chr(argument)
            case "NOT_LITERAL":
                yield _pick(_tester([("NEGATE", None), ("LITERAL", argument)]))
            case "ANY":
                yield "a"
            case "IN":
                yield _pick(_tester(argument))
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                low, high, inner = argument
                for _ in range(min(int(high), low + more, 1_000)):
                    yield from _written(inner, more if more < _MANY else 0)
            case "SUBPATTERN":
                yield from _written(argument[3], more)
            case "ATOMIC_GROUP":
                yield from _written(argument, more)
            case "BRANCH":
                yield from _written(argument[1][more % len(argument[1])], more)
            case "AT":
                pass
            case _:
                raise ValueError(f"{operation} is not written")


def _tester(items: list[Any]) -> Callable[[str], bool]:
    negated = str(items[0][0]) == "NEGATE"

    def test(letter: str) -> bool:
        return any(_is_in(letter, str(kind), value) for kind, value in items[negated:]) != negated

    return test


def _is_in(letter: str, kind: str, value: Any) -> bool:
    match kind:
        case "LITERAL":
            return ord(letter) == int(value)
        case "RANGE":
            return bool(value[0] <= ord(letter) <= value[1])
        case "CATEGORY":
            escape = {"DIGIT": r"\d", "WORD": r"\w", "SPACE": r"\s"}[str(value).rpartition("_")[2]]
            return (re.match(escape, letter, re.ASCII) is not None) != ("_NOT_" in str(value))
    return False


def _pick(test: Callable[[str], bool]) -> str:
    for letter in _LIKELY:
        if test(letter):
            return letter
    for code in range(0xA0, 0x3000):
        if test(chr(code)):
            return chr(code)
    raise ValueError("no letter is found")
