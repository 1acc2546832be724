"""Which of an operation's declared bodies a request's Content-Type means."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import msgspec

from portcullis.engine import media_type
from portcullis.engine.openapi.body_reading import SpecBody

REMEMBERED_FIELD: Final = 256
"""Bytes of the longest Content-Type that is remembered."""


class Unacceptable(msgspec.Struct, frozen=True):
    """A Content-Type that the operation does not take: what was ``found``, and a sentence for the client."""

    found: str
    reason: str


class BodySelector:
    """Selects among the JSON bodies of ``body``; ``names``: the checker's name of the schema at a JSON pointer.

    ``accepted``: the media types taken, as an Accept value. ``select(field)`` gives, for a Content-Type as received
    (``None``: there is none), the checker's name of the schema, ``""`` if any JSON will do, or why it is not taken.
    """

    def __init__(self, body: SpecBody, names: Mapping[str, str]) -> None:
        self._ranges = tuple(content.media_range for content in body.content)
        self._names = {
            content.media_range: names[content.schema] if content.schema is not None else ""
            for content in body.content
            if content.holds_json
        }
        accepted = dict.fromkeys(str(each) if each.is_json else "application/json" for each in self._names)
        self.accepted = ", ".join(accepted)
        # Clients of one operation send few different values, and parsing them again would cost more than the rest.
        self._select_short = lru_cache(maxsize=64)(self._select)

    def select(self, field: bytes | None) -> str | Unacceptable:
        """As the class says. What is too long to be a media type is not remembered: there are many operations."""
        return self._select(field) if field is not None and len(field) > REMEMBERED_FIELD else self._select_short(field)

    def _select(self, field: bytes | None) -> str | Unacceptable:
        if field is None:
            return Unacceptable("none", "The body needs a Content-Type.")
        text = field.decode("latin-1")
        try:
            actual = media_type.parse(text)
        except ValueError:
            return Unacceptable(text, "The Content-Type is not a media type.")
        best = media_type.best_match(actual, self._ranges)
        if not actual.is_json or "*" in actual.subtype or best not in self._names:
            return Unacceptable(text, f"Bodies are {self.accepted}.")
        if actual.parameter("charset") not in (None, "utf-8"):
            return Unacceptable(text, "JSON is UTF-8.")
        return self._names[best]
