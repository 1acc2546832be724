"""Parameters as text: which kinds of values a parameter may have, and how its text becomes one of them.

A schema speaks about values, a request holds text. ``007`` is an integer or a string depending on the schema, so the
schema's types decide which readings are tried, and in what order; a text that can't be read as any of them is wrong
before any schema looks at it. How far lists and objects may lie in one another depends on how a parameter is written:
that is its *nesting*.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from portcullis.engine.strict_json import MAX_INTEGER, MIN_INTEGER

Reading = Callable[[str], Any]
"""Turns text into a value; raises ``ValueError`` if it is not one of that kind."""

MAX_DEPTH: Final = 8
"""Lists and objects in one another in a parameter (``qs`` of Node: 5, Stripe's documented forms: 6, Rack: 32)."""

_INTEGER: Final = re.compile(r"-?[0-9]{1,20}")
_OCTAL: Final = re.compile(r"-?0+[1-7][0-7]+")
"""What services that know octal numbers read as another one: ``010`` is 8 to Ruby, Go and older JavaScript."""
_NUMBER: Final = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][-+]?[0-9]{1,3})?")


class Shape(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the values of a parameter may be.

    ``scalars``: the JSON types of single ones; ``items``: what the items of a list may be, ``prefix``: what its first
    ones may be; ``properties``: what the fields of an object may be, ``extra``: those that are not named. ``None``:
    it is no list, no object, or an object without further fields.
    """

    scalars: tuple[str, ...]
    items: Shape | None = None
    prefix: tuple[Shape, ...] = ()
    properties: Mapping[str, Shape] | None = None
    extra: Shape | None = None

    def field(self, name: str) -> Shape | None:
        """What the field ``name`` of an object may be; ``None`` if there is none of that name."""
        return None if self.properties is None else self.properties.get(name, self.extra)

    def item(self, index: int) -> Shape | None:
        """What the item at ``index`` of a list may be."""
        return self.prefix[index] if index < len(self.prefix) else self.items


TEXT: Final = Shape(("string",))


class Nesting(msgspec.Struct, frozen=True):
    """What may stand within one another: the nesting of items and of fields; ``None`` where there can be none.

    ``is_bottom``: more could be written, but is not read.
    """

    items: Nesting | None = None
    fields: Nesting | None = None
    is_bottom: bool = False


SINGLE: Final = Nesting()
FLAT: Final = Nesting(items=SINGLE, fields=SINGLE)
"""A list of texts, or an object of texts: all that RFC 6570 can write."""
SPREAD: Final = Nesting(items=SINGLE, fields=Nesting(items=SINGLE))
"""As :data:`FLAT`, and fields may be lists, since each stands under a name of its own: ``size=5&sort=a&sort=b``."""


def _deep(levels: int) -> Nesting:
    below = _deep(levels - 1) if levels > 1 else Nesting(is_bottom=True)
    return Nesting(items=below, fields=below)


DEEP: Final = _deep(MAX_DEPTH)


def read_integer(text: str) -> int:
    """``-?[0-9]+`` in ASCII, within 64 bits, and no other number where leading zeros mean octal."""
    if _INTEGER.fullmatch(text) and MIN_INTEGER <= (value := int(text)) <= MAX_INTEGER and not _OCTAL.fullmatch(text):
        return value
    raise ValueError


def read_number(text: str) -> int | float:
    """A number as JSON writes it (leading zeros may stand), finite."""
    if _NUMBER.fullmatch(text):
        if text.lstrip("-").isdigit():
            return read_integer(text)
        value = float(text)
        if abs(value) != float("inf"):
            return value
    raise ValueError


def read_boolean(text: str) -> bool:
    """``true`` or ``false``; nothing else."""
    if text == "true":
        return True
    if text == "false":
        return False
    raise ValueError


READINGS: Final[dict[str, Reading]] = {
    "integer": read_integer,
    "number": read_number,
    "boolean": read_boolean,
    "string": str,
}
