r"""Patterns in schemas: which can be used, and what that costs.

Matching takes time linear in the text, so what a pattern can do to the gateway it does while it is compiled, and by the
memory that it takes from then on. Both go by its size once it is written out: ``\S{1,2000}`` is small to look at and
takes 4 MB. So a pattern has a longest text and a largest size, and those of one document have one together. How large
one is, is found out by compiling it within ever larger bounds; most fit the first. Reading a pattern takes time before
its size is known, so that its text counts as well, and so does one that turns out to be too large.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

import jsonschema_rs

from portcullis.engine.openapi.compiling import MAX_PATTERN_SIZE, compile_schema

MAX_LENGTH: Final = 8_192
"""Characters of one pattern (those that list all languages or currencies have one or two thousand)."""
MAX_TOTAL_SIZE: Final = 64 * 1024 * 1024
"""Bytes of all patterns of one document, compiled: about a quarter of a second."""

_PER_CHARACTER: Final = 1024
"""Bytes that a character counts at least: ``(?i)\\pL`` takes 0.1 ms to read, however little is left of it."""
_TOO_LARGE: Final = 4 * 1024 * 1024
"""Bytes that a pattern counts that was found to be too large."""
_SIZES: Final = (4 * 1024, 32 * 1024, 256 * 1024, 1024 * 1024, 4 * 1024 * 1024, MAX_PATTERN_SIZE)
_BOUNDS: Final = tuple((size, jsonschema_rs.RegexOptions(size_limit=size)) for size in _SIZES)
_BACKTRACKING: Final = jsonschema_rs.FancyRegexOptions()
_REPETITION: Final = re.compile(r"\{[0-9]+(?:,[0-9]*)?\}")
_MEGABYTE: Final = 1024 * 1024
_is_pattern: Final = compile_schema({"format": "regex"}).is_valid
_ECMA: Final = "patterns are ECMA-262 regular expressions"
_SMALLER: Final = "what repeats counts as often as it may: leave lengths to minLength and maxLength"


class PatternFault(NamedTuple):
    """Why a pattern can't be used, and what would be right."""

    reason: str
    hint: str


class Patterns:
    """The patterns of one document, as far as they are known."""

    def __init__(self) -> None:
        self._known: dict[str, PatternFault | None] = {}
        self._size = 0

    def fault(self, pattern: str) -> PatternFault | None:
        """Why ``pattern`` (ECMA-262), one of the document, can't be used; ``None`` if it can."""
        if len(pattern) > MAX_LENGTH:
            reason = f"has {len(pattern):,} characters: {MAX_LENGTH:,} are the most"
            return PatternFault(reason, "list many values under enum rather than in a pattern")
        if pattern not in self._known:
            self._known[pattern] = self._fault(pattern)
        return self._known[pattern]

    def _fault(self, pattern: str) -> PatternFault | None:
        if self._size <= MAX_TOTAL_SIZE:
            size, fault = _measured(pattern)
            self._size += max(size, len(pattern) * _PER_CHARACTER)
            if fault is not None or self._size <= MAX_TOTAL_SIZE:
                return fault
        reason = f"is one too many: together they take more than {MAX_TOTAL_SIZE // _MEGABYTE} MiB when written out"
        return PatternFault(reason, _SMALLER)


@lru_cache(maxsize=256)
def matcher(pattern: str) -> Callable[[object], bool]:
    """What says whether a text matches ``pattern``, which can be used. Kept, since compiling may take milliseconds."""
    return compile_schema({"pattern": pattern}).is_valid


@lru_cache(maxsize=1024)
def _measured(pattern: str) -> tuple[int, PatternFault | None]:
    """A bound for the bytes that ``pattern`` takes, and why it can't be used, if it can't."""
    for size, options in _BOUNDS:
        if _compiles(pattern, options):
            return size, None
    if not _is_pattern(pattern):
        return 0, PatternFault("is no regular expression", _ECMA)
    if _compiles(_REPETITION.sub("?", pattern), _BOUNDS[-1][1]):
        reason = f"takes more than {MAX_PATTERN_SIZE // _MEGABYTE} MiB when it is written out"
        return _TOO_LARGE, PatternFault(reason, _SMALLER)
    if _compiles(pattern, _BACKTRACKING):
        return 0, PatternFault("can't be matched in linear time", f"{_ECMA} without lookaround and backreferences")
    return _TOO_LARGE, PatternFault("is no regular expression, or too large a one", _ECMA)


def _compiles(pattern: str, options: jsonschema_rs.RegexOptions | jsonschema_rs.FancyRegexOptions) -> bool:
    try:
        compile_schema({"pattern": pattern}, options)
    except ValueError:
        return False
    return True
