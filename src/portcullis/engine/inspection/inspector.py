"""Is there an attack in this text?"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache, lru_cache
from typing import Final

import msgspec

from portcullis.engine.inspection.database import Database
from portcullis.engine.inspection.pattern import SEPARATOR, Pattern, all_patterns
from portcullis.engine.inspection.readings import SIGNS, readings

REMEMBERED: Final = 2048
"""Texts that are remembered."""
_AROUND: Final = 40


class Hit(msgspec.Struct, frozen=True):
    """What was found: the pattern, and the part of the text (in the reading that shows it) around its sign."""

    pattern: Pattern
    excerpt: str


class Inspector:
    """Looks at texts with all patterns."""

    def __init__(self) -> None:
        expressions: dict[str, list[Pattern]] = {expression: [] for expression in SIGNS}
        for pattern in all_patterns():
            for expression in pattern.expressions:
                expressions.setdefault(expression, []).append(pattern)
        self._database = Database({str(number): expression for number, expression in enumerate(expressions)})
        self._patterns = {str(number): tuple(patterns) for number, patterns in enumerate(expressions.values())}
        self._signs = frozenset(str(number) for number in range(len(SIGNS)))
        self._scan = self._database.scan
        self._find_remembered = lru_cache(maxsize=REMEMBERED)(self.find)
        self.is_clean_again = lru_cache(maxsize=REMEMBERED)(self.is_clean)
        """As :meth:`is_clean`, for short data that comes again and again."""

    def is_clean(self, data: bytes) -> bool:
        """Whether nothing in ``data``, texts in UTF-8 with separators between them, is even worth a closer look."""
        return not self._scan(data)

    def find(self, text: str, place: str, allowed: Collection[str] = ()) -> Hit | None:
        """The first pattern, of those not ``allowed``, that is in ``text`` or in another reading of it."""
        if SEPARATOR in text:
            text = text.replace(SEPARATOR, "")
        found = self._scan(text.encode("utf-8", "surrogatepass"))
        if not found:
            return None
        hit = self._confirmed(text, found, place, allowed)
        if hit is not None or self._signs.isdisjoint(found):
            return hit
        for reading in readings(text):
            found = self._scan(reading.encode("utf-8", "surrogatepass"))
            hit = self._confirmed(reading, found, place, allowed)
            if hit is not None:
                return hit
        return None

    def find_again(self, text: str, place: str, allowed: frozenset[str]) -> Hit | None:
        """As :meth:`find`, for short texts that come again and again, as clients repeat their header fields."""
        return self._find_remembered(text, place, allowed)

    def _confirmed(self, text: str, found: Mapping[str, int], place: str, allowed: Collection[str]) -> Hit | None:
        tried = set()
        for name, end in found.items():
            for pattern in self._patterns[name]:
                if pattern.id in tried or pattern.id in allowed or place not in pattern.places:
                    continue
                tried.add(pattern.id)
                if pattern.confirm is None or pattern.confirm(text):
                    octets = text.encode("utf-8", "surrogatepass")[max(0, end - _AROUND) : end + _AROUND]
                    return Hit(pattern, octets.decode(errors="ignore"))
        return None


@cache
def the_inspector() -> Inspector:
    """The inspector of this process. Made in a moment the first time: ask before workers are forked."""
    return Inspector()
